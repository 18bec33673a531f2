"""Reads a calendar from stdin with the library named, and prints [[uid, start, end], ...] as epoch seconds."""
import json
import sys

def by_icalendar(data):
    from icalendar import Calendar
    for event in Calendar.from_ical(data).walk('VEVENT'):
        yield str(event['UID']), event['DTSTART'].dt.timestamp(), event['DTEND'].dt.timestamp()

def by_libical(data):
    import gi
    gi.require_version('ICalGLib', '3.0')
    from gi.repository import ICalGLib as ICal
    calendar = ICal.Component.new_from_string(data.decode())
    event = calendar.get_first_component(ICal.ComponentKind.VEVENT_COMPONENT)
    while event:
        times = [event.get_dtstart(), event.get_dtend()]
        yield event.get_uid(), *[time.as_timet_with_zone(time.get_timezone()) for time in times]
        event = calendar.get_next_component(ICal.ComponentKind.VEVENT_COMPONENT)

read = {'icalendar': by_icalendar, 'libical': by_libical}[sys.argv[1]]
print(json.dumps([[uid, int(start), int(end)] for uid, start, end in read(sys.stdin.buffer.read())]))
