"""RCAEval's methods (Pham et al., WWW 2025) compared with the floors, in a separate environment."""
