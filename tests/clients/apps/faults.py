"""The routes of a small shop that is broken in eight ways. Each client's app adds its own set-up to it."""
import logging
import os

import flask
import psycopg2
import requests

DATABASE = os.environ["CLOSED_DATABASE"]
STOCK = os.environ["CLOSED_UPSTREAM"]
RATES = os.environ["SLOW_UPSTREAM"]
app = flask.Flask("storefront")


@app.get("/health")
def health():
    return "ok\n"


@app.get("/profile/<int:number>")
def profile(number):
    people = {1: "Ada"}
    return people.get(number + 1000).upper()


@app.post("/orders")
def place_order():
    order = {"sku": "A-7"}
    return order["shipping_address"]


@app.get("/average")
def average():
    ratings = []
    return str(sum(ratings) / len(ratings))


@app.get("/cart/<int:number>")
def cart(number):
    host, port = DATABASE.split(":")
    psycopg2.connect(host=host, port=port, dbname="shop", user="shop", connect_timeout=2)
    return str(number)


@app.get("/rates/<currency>")
def rates(currency):
    return requests.get(f"http://{RATES}/rates/{currency}", timeout=0.2).text


@app.get("/stock/<sku>")
def stock(sku):
    return requests.get(f"http://{STOCK}/stock/{sku}", timeout=2).text


@app.get("/export")
def export():
    with open("/dev/full", "w") as out:
        out.write("sku;amount\n")
    return "done"


@app.get("/invoice/<int:number>")
def invoice(number):
    import invoice_pdf_writer

    return invoice_pdf_writer.write(number)


def serve():
    """One process, threads, no reloader; requests that went well are not logged by werkzeug."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    app.run(host="127.0.0.1", port=int(os.environ["PORT"]), threaded=True)
