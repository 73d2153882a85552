variable "region" {
  type    = string
  default = "eu-central-1"
}

variable "environment" {
  type    = string
  default = "production"
}

variable "db_subnet_group" {
  type = string
}

variable "max_storage_gb" {
  description = "Up to where RDS may grow the volume by itself."
  type        = number
  default     = 500
}

variable "cost_center" {
  type    = string
  default = "commerce-4410"
}
