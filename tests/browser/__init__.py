"""A package, so that its fixtures can have the scope "package": see conftest.py."""
