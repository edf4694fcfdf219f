"""Maps of samples: embeddings laid out in two dimensions, coloured, and regions of them."""
