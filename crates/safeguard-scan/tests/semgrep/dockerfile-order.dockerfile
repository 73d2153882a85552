FROM python:3.12
RUN pip install a
CMD python a.py
