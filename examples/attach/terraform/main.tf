# A module: what a function needs to ship its logs. example.tf.txt shows how it is called.

variable "function_name" {
  description = "Name of the function."
  type        = string
}

variable "role" {
  description = "Name of the function's role."
  type        = string
}

variable "bucket" {
  description = "Bucket for the logs; must exist."
  type        = string
}

variable "layer_arn" {
  description = "Version of the layer, from dist/layers.json, with the number at its end."
  type        = string
}

data "aws_partition" "current" {}

resource "aws_iam_role_policy" "ship_logs" {
  name = "ship-logs"
  role = var.role
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "ShipLogs"
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = "arn:${data.aws_partition.current.partition}:s3:::${var.bucket}/function=${var.function_name}/*"
    }]
  })
}

output "layer" {
  description = "For the function's layers."
  value       = var.layer_arn
}

output "variables" {
  description = "For the function's environment, beside its own."
  value = {
    ADAPTIVE_BATCHING_EXTENSION_S3_BUCKET   = var.bucket
    ADAPTIVE_BATCHING_EXTENSION_MODE        = "adaptive"
    ADAPTIVE_BATCHING_EXTENSION_COMPRESSION = "gzip"
  }
}
