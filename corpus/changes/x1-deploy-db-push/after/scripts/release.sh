#!/usr/bin/env bash
set -euo pipefail
tar -czf booking.tgz .next package.json public
scp booking.tgz deploy@app.internal:/srv/booking/incoming/
