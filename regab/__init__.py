"""regab: which regularizers help this model on this data, by how much, and can the answer be trusted?"""

__version__ = "0.2.0"
