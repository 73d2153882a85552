resource "aws_s3_bucket" "a" {
  bucket        = "a"
  force_destroy = true
}
resource "aws_s3_bucket" "b" {
  bucket = "b"
}
