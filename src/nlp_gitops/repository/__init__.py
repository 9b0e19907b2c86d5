"""The repository around the models: adopting one that is there, and taking the package along."""
