import os
import smtplib
from email.message import EmailMessage


def send(to, text):
    msg = EmailMessage()
    msg["From"] = "statements@example.com"
    msg["To"] = to
    msg["Subject"] = "Your statement"
    msg.set_content(text)
    with smtplib.SMTP(os.environ["SMTP_HOST"], timeout=30) as smtp:
        smtp.send_message(msg)
