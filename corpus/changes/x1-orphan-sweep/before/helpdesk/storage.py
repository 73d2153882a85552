import os

import boto3

BUCKET = os.environ.get("MEDIA_BUCKET", "helpdesk-media")


def client():
    return boto3.client("s3")


def put(key, data, content_type):
    client().put_object(Bucket=BUCKET, Key=key, Body=data, ContentType=content_type)
