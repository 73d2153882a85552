FROM python:latest
FROM python:3.12
RUN curl https://x.example | sh
RUN apt-get update && apt-get install -y git
EXPOSE 22
EXPOSE 80
COPY . /app
COPY a /app
USER app
USER root
CMD ["python", "-m", "a"]
