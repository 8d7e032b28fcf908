"""What the notebooks of the study share: checked parameters, metrics, published reports, links."""
