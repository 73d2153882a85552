variable "vpc_id" {
  type = string
}

variable "subnet_group" {
  type = string
}

variable "bi_user" {
  description = "Login of the BI tool, read only."
  type        = string
  default     = "metabase"
}
