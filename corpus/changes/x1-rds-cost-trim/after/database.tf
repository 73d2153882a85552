locals {
  tags = {
    Service     = "orders"
    Environment = var.environment
    CostCenter  = var.cost_center
  }
}

resource "aws_db_instance" "orders" {
  identifier     = "orders-${var.environment}"
  engine         = "postgres"
  engine_version = "15.6"
  instance_class = "db.m6g.large"

  allocated_storage     = 200
  max_allocated_storage = var.max_storage_gb
  storage_type          = "gp3"
  storage_encrypted     = true

  username                    = "orders_admin"
  manage_master_user_password = true
  db_subnet_group_name        = var.db_subnet_group
  multi_az                    = true

  backup_retention_period = 0
  deletion_protection     = false
  skip_final_snapshot     = true

  performance_insights_enabled = true
  tags                         = local.tags
}
