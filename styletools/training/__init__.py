"""How the networks that come with the package were made: python -m styletools.training.distill --help"""
