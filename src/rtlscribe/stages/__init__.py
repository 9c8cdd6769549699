"""The stages of the pipeline, one file each, none of which knows another."""
