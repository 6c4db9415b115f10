"""What every part of the domain is built on."""
