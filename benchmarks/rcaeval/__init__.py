"""Methods of RCAEval (Pham et al., WWW 2025) set beside the floors, in an environment of their own."""
