resource "aws_security_group" "analytics" {
  name   = "analytics-db"
  vpc_id = var.vpc_id

  ingress {
    description = "PostgreSQL from inside the VPC"
    from_port   = 5432
    to_port     = 5432
    protocol    = "tcp"
    cidr_blocks = [var.vpc_cidr]
  }
}
