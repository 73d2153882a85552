resource "aws_security_group" "analytics" {
  name   = "analytics-db"
  vpc_id = var.vpc_id

  ingress {
    description = "PostgreSQL for the BI tool"
    from_port   = 5432
    to_port     = 5432
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }

  tags = {
    Service = "analytics"
  }
}
