"""A guest house's bookings, in FastAPI and SQLAlchemy, as somebody in a hurry writes it. FAULTS says what is wrong with it; its OpenAPI
document is FastAPI's own."""
import csv
import datetime
import io
import re
from typing import Optional

from fastapi import FastAPI, File, Header, HTTPException, Query, UploadFile
from pydantic import BaseModel
from sqlalchemy import Column, Date, ForeignKey, Integer, String, create_engine, event
from sqlalchemy.orm import Session, declarative_base
from sqlalchemy.pool import StaticPool

# Method and path of the operation, and a word of the line that fails.
FAULTS = [
    ("POST /guests", "s.commit()  # the same address twice"),
    ("POST /guests", "name[0]"),
    ("GET /guests", "getattr(Guest, sort)"),
    ("GET /guests", "n // limit"),
    ("GET /guests/{guest_id}", "# nobody of this number"),
    ("POST /bookings", "s.commit()  # a guest that is not there"),
    ("POST /bookings", "100 / nights"),
    ("GET /bookings/{booking_id}/invoice", "RATES[currency]"),
    ("GET /search", "re.compile(q)"),
    ("POST /import", ".decode()"),
    ("GET /me", 'split(" ")[1]'),
]

engine = create_engine("sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool)


@event.listens_for(engine, "connect")
def foreign_keys(connection, _):
    connection.execute("pragma foreign_keys=on")


Base = declarative_base()


class Guest(Base):
    __tablename__ = "guests"
    id = Column(Integer, primary_key=True)
    name = Column(String)
    email = Column(String, unique=True)
    birth = Column(Date)


class Booking(Base):
    __tablename__ = "bookings"
    id = Column(Integer, primary_key=True)
    guest_id = Column(Integer, ForeignKey("guests.id"))
    room = Column(String)
    start = Column(Date)
    end = Column(Date)
    status = Column(String, default="new")


Base.metadata.create_all(engine)
app = FastAPI()


class GuestIn(BaseModel):
    name: str
    email: str
    birth: Optional[datetime.date] = None


class BookingIn(BaseModel):
    guest_id: int
    room: str
    start: datetime.date
    end: datetime.date


class Status(BaseModel):
    status: str


RATES = {"EUR": 1, "USD": 1.1}


@app.post("/guests", status_code=201)
async def add_guest(g: GuestIn):
    with Session(engine) as s:
        x = Guest(name=g.name, email=g.email, birth=g.birth)
        s.add(x)
        s.commit()  # the same address twice
        return {"id": x.id, "name": x.name, "initial": x.name[0]}


@app.get("/guests")
async def guests(limit: int = 10, offset: int = 0, sort: str = "id"):
    with Session(engine) as s:
        n = s.query(Guest).count()
        column = getattr(Guest, sort)
        rows = s.query(Guest).order_by(column).limit(limit).offset(offset).all()
        return {"pages": n // limit, "guests": [{"id": g.id, "name": g.name} for g in rows]}


@app.get("/guests/{guest_id}")
async def guest(guest_id: int):
    with Session(engine) as s:
        g = s.get(Guest, guest_id)
        return {"id": guest_id, "name": g.name}  # nobody of this number


@app.post("/bookings", status_code=201)
async def book(b: BookingIn):
    if b.end < b.start:
        raise HTTPException(422, "end before start")
    with Session(engine) as s:
        x = Booking(**b.model_dump())
        s.add(x)
        s.commit()  # a guest that is not there
        nights = (b.end - b.start).days
        return {"id": x.id, "nights": nights, "per_night": 100 / nights}


@app.get("/bookings/{booking_id}/invoice")
async def invoice(booking_id: int, currency: str = "EUR"):
    with Session(engine) as s:
        if not s.get(Booking, booking_id):
            raise HTTPException(404)
        return {"total": 100 * RATES[currency]}


@app.patch("/bookings/{booking_id}")
async def change(booking_id: int, to: Status):
    with Session(engine) as s:
        b = s.get(Booking, booking_id)
        if not b:
            raise HTTPException(404)
        b.status = {"paid": "paid", "new": "new"}.get(to.status, b.status)
        s.commit()
        return {"id": b.id, "status": b.status}


@app.get("/search")
async def search(q: str = Query(..., max_length=50)):
    wanted = re.compile(q)
    return [r for r in ["room one", "room two"] if wanted.search(r)]


@app.post("/import")
async def load(file: UploadFile = File(...)):
    text = (await file.read()).decode()
    return {"rows": len(list(csv.reader(io.StringIO(text))))}


@app.get("/me")
async def me(authorization: Optional[str] = Header(None)):
    if authorization is None:
        raise HTTPException(401)
    return {"user": authorization.split(" ")[1]}
