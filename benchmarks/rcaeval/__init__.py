"""Methods of RCAEval (Pham et al., WWW 2025) compared with the floors, in an environment of their own."""
