resource "aws_db_instance" "orders" {
  identifier     = "orders-${var.environment}"
  engine         = "postgres"
  engine_version = "15.6"
  instance_class = "db.m5.large"

  allocated_storage = 200
  storage_type      = "io1"
  iops              = 3000
  storage_encrypted = true

  username                    = "orders_admin"
  manage_master_user_password = true
  db_subnet_group_name        = var.db_subnet_group
  multi_az                    = true

  backup_retention_period   = 35
  deletion_protection       = true
  skip_final_snapshot       = false
  final_snapshot_identifier = "orders-${var.environment}-final"
}
