"""Contracts, a module for each subject: the shape, keys and rules of the rows that feeds deliver."""
