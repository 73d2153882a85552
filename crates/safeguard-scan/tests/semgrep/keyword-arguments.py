import requests
requests.get(url, verify=False)
requests.get(url, timeout=3, verify=False)
requests.get(verify=False, url=url)
requests.get(url)
requests.get(url, verify=True)
from requests import get
get(url, verify=False)
session.get(url, verify=False)
