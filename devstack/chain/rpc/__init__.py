"""The methods of the node, its subscriptions, and the JSON of both."""
