"""Operating the extension on AWS: the layer's versions, attaching it, permissions, CloudWatch."""
