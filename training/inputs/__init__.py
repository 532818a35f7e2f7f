"""From images of a manifest to batches of network inputs."""
