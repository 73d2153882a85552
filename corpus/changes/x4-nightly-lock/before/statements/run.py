import csv
import sys

from jinja2 import Template

from .mailer import send

TEXT = Template("Dear {{ name }},\n\nyour balance is {{ balance }}.\n")


def main():
    with open(sys.argv[1], newline="") as f:
        for row in csv.DictReader(f):
            send(row["email"], TEXT.render(row))
