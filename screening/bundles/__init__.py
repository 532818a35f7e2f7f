"""Released ensembles: manifest, files and registry. Never imports TensorFlow."""
