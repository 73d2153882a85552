resource "aws_db_instance" "analytics" {
  identifier                  = "analytics"
  engine                      = "postgres"
  engine_version              = "16.2"
  instance_class              = "db.t4g.large"
  allocated_storage           = 100
  storage_encrypted           = true
  username                    = "analytics"
  manage_master_user_password = true
  db_subnet_group_name        = var.subnet_group
  vpc_security_group_ids      = [aws_security_group.analytics.id]
  publicly_accessible         = false
  backup_retention_period     = 14
  deletion_protection         = true
}
