"""A durable video service and its page. Knows `Composer` and the layers below, no model."""
