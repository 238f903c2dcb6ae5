curl 'https://shop.example/api/orders?page=1' \
  -H 'accept: application/json, text/plain, */*' \
  -H 'accept-language: en-GB,en;q=0.9' \
  -H 'content-type: application/json' \
  -b 'sid=1; theme=dark' \
  -H 'priority: u=1, i' \
  --data-raw $'{"note":"it\'s \u0021\\n","n":1}' \
  --insecure --compressed ;
curl 'https://shop.example/api/orders/7' -X 'DELETE' -H 'authorization: Bearer abc'
