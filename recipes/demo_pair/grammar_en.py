"""The English grammar. Numbers are written as words, so that the text is what is said."""

from recipes.demo_pair.domain import Grammar, Phrase, Template, digit_strings, listed

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_TEENS = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
BELOW_HUNDRED = DIGITS + _TEENS + [f"{ten}{unit}" for ten in _TENS for unit in ["", *(f" {d}" for d in DIGITS[1:])]]
ORDINALS = (
    [
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
        "twentieth",
    ]
    + [
        f"twenty {nth}"
        for nth in ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"]
    ]
    + [
        "thirtieth",
        "thirty first",
    ]
)

MONTHS = listed("January February March April May June July August September October November December")
WEEKDAYS = listed("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")


def _phrases(*texts: str) -> tuple[Phrase, ...]:
    return tuple(Phrase(text, text) for text in texts)


def _listed(commas: str) -> tuple[Phrase, ...]:
    return _phrases(*(text.strip() for text in commas.split(",")))


_SLOTS: dict[str, tuple[Phrase, ...]] = {
    # numbers
    "digit": _phrases(*DIGITS),
    "few": _phrases(*DIGITS[2:], "ten", "eleven", "twelve"),
    "number": _phrases(*BELOW_HUNDRED[2:]),
    "large": _phrases("{hundreds} hundred", "{hundreds} hundred and {number}", "{hundreds} thousand"),
    "hundreds": _phrases("one", *DIGITS[2:]),
    "ordinal": _phrases(*ORDINALS),
    # times and dates
    "hour": _phrases(*DIGITS[1:], "ten", "eleven", "twelve"),
    "minute": _phrases(*BELOW_HUNDRED[10:60]),
    "part": _listed("in the morning, in the afternoon, in the evening, at night"),
    "time": _phrases(
        "{hour} o'clock",
        "{hour} {minute}",
        "half past {hour}",
        "quarter to {hour}",
        "quarter past {hour}",
        "{hour} {part}",
        "ten past {hour}",
        "twenty to {hour}",
        "noon",
        "midnight",
    ),
    "weekday": _phrases(*WEEKDAYS),
    "month": _phrases(*MONTHS),
    "date": _phrases("the {ordinal} of {month}", "{weekday} the {ordinal} of {month}"),
    "year": _phrases("nineteen {decade}", "twenty {decade}"),
    "decade": _phrases(*BELOW_HUNDRED[10:]),
    "when": _listed("today, tomorrow, tonight, on {weekday}, next week, this weekend, in the morning"),
    "event": _listed("meeting, concert, film, lesson, party, football match, wedding, dinner, exam, market"),
    # things and prices
    "price": _phrases(
        "{few} dollars",
        "{number} dollars",
        "{few} euros",
        "{number} euros",
        "{few} pounds",
        "{number} cents",
        "{few} dollars and {number} cents",
        "{few} euros and {number} cents",
        "{large} dollars",
    ),
    "item": _listed(
        "book, bicycle, coat, chair, table, clock, guitar, camera, umbrella, hat, ticket, lamp, bag, phone, bottle, "
        "cup, shirt, pair of shoes, blanket, basket"
    ),
    "items": _listed("books, tickets, apples, oranges, cups, bottles, chairs, eggs, flowers, letters, boxes, candles"),
    "food": _listed(
        "milk, bread, butter, cheese, apples, rice, coffee, sugar, tea, honey, eggs, oranges, tomatoes, potatoes, "
        "onions, soup, salt, fish"
    ),
    "colour": _listed("red, blue, green, yellow, black, white, brown, grey, orange, purple, pink"),
    # household
    "room": _listed(
        "kitchen, bedroom, bathroom, living room, garage, hall, office, garden, cellar, dining room, attic"
    ),
    "device": _listed("lamp, lights, radio, television, heating, fan, alarm, music, computer, oven, washing machine"),
    "opening": _listed("window, door, curtains, blinds, gate, drawer, cupboard, fridge"),
    "music": _listed("some jazz, some music, the news, a song, classical music, my favourite song, the piano concert"),
    "level": _listed("up, down"),
    "task": _listed(
        "call {name}, water the plants, feed the {pet}, buy {food}, take out the rubbish, pay the bill, "
        "close the {opening}, clean the {room}, visit {name}, lock the door"
    ),
    # weather
    "sky": _listed("sunny, cloudy, rainy, windy, foggy, cold, warm, hot, dry, stormy, freezing"),
    "fall": _listed("rain, snow, fog, thunder, a storm, strong wind, sunshine, light rain, heavy snow, a clear sky"),
    "city": _listed(
        "London, Paris, Berlin, Madrid, Rome, New York, Boston, Chicago, Dublin, Vienna, Tokyo, Oslo, Lisbon, Sydney"
    ),
    "coast": _listed("in the north, in the south, in the east, in the west, near the coast, in the mountains"),
    # scenes
    "name": _listed(
        "Anna, Tom, Maria, Peter, Lucy, David, Emma, James, Sarah, Paul, Julia, Martin, Laura, Simon, Nina, Oscar"
    ),
    "pet": _listed("cat, dog, horse, rabbit, bird, fish"),
    "animal": _listed(
        "cat, dog, horse, rabbit, bird, cow, sheep, duck, mouse, fox, bear, lion, tiger, elephant, monkey, snake, "
        "frog, goat, wolf, pig"
    ),
    "animals": _listed(
        "cats, dogs, horses, rabbits, birds, cows, ducks, foxes, bears, lions, monkeys, snakes, frogs, goats, pigs"
    ),
    "activity": _listed(
        "is sleeping, is running, is waiting, is sitting, is hiding, is playing, is eating, is walking"
    ),
    "where": _listed(
        "under the tree, behind the house, in the garden, by the river, on the bridge, near the lake, in the forest, "
        "on the hill, at the station, in front of the school, beside the road, in the field, on the roof, at the beach"
    ),
    "size": _listed("small, big, old, young, little, tall, strange, quiet, happy, tired, hungry, beautiful"),
    "person": _listed(
        "man, woman, boy, girl, teacher, doctor, farmer, singer, driver, nurse, painter, baker, student, sailor, "
        "king, queen"
    ),
    "does": _listed(
        "opened the {opening}, bought a {colour} {item}, lost the {item}, found a {item}, sang a song, "
        "drank a cup of tea, read a long letter, wrote a book, painted the {opening}, saw a {colour} {animal}, "
        "cooked dinner, talked to {name}, closed the {opening}, broke the {item}"
    ),
    "journey": _listed("train, bus, plane, boat, taxi, ferry"),
}

_TEMPLATES: tuple[tuple[float, str], ...] = (
    (2.0, "turn on the {device} in the {room}"),
    (2.0, "turn off the {device} in the {room}"),
    (1.0, "please turn {level} the {device}"),
    (1.0, "open the {opening} in the {room}"),
    (1.0, "please close the {opening} in the {room}"),
    (1.0, "set a timer for {number} minutes"),
    (1.0, "set the oven to {large} degrees"),
    (1.0, "set the heating in the {room} to {number} degrees"),
    (1.0, "play {music} in the {room}"),
    (2.0, "remind me to {task} at {time}"),
    (1.0, "remind {name} to {task} {when}"),
    (2.0, "add {food1} and {food2} to the shopping list"),
    (1.0, "we need {food1}, {food2} and {food3}"),
    (1.0, "wake me up at {time}"),
    (1.0, "wake me up at {time} on {weekday}"),
    (1.0, "it is {time}"),
    (2.0, "the {event} starts at {time}"),
    (1.0, "the {event} is on {weekday} at {time}"),
    (2.0, "the {journey} to {city} leaves at {time}"),
    (1.0, "the train to {city} leaves from platform {few} at {time}"),
    (1.0, "today is {date}"),
    (1.0, "the {event} is on {date}"),
    (1.0, "{name} was born on {date} in {year}"),
    (1.0, "the house was built in {year}"),
    (2.0, "the {item} costs {price}"),
    (1.0, "the {colour} {item} costs {price}"),
    (1.0, "{name} paid {price} for the {item}"),
    (1.0, "{few} {items} cost {price}"),
    (2.0, "it will be {sky} in {city} {when}"),
    (1.0, "it is {sky1} and {sky2} {coast}"),
    (1.0, "there will be {fall} {coast} {when}"),
    (1.0, "expect {fall} {when}"),
    (1.0, "the temperature in {city} is {number} degrees"),
    (1.0, "what is the weather like in {city} {when}?"),
    (2.0, "my phone number is {digit:1} {digit:2} {digit:3}, {digit:4} {digit:5} {digit:6}"),
    (1.0, "call {name} at {digit:1} {digit:2} {digit:3} {digit:4} {digit:5}"),
    (2.0, "the code is {digit:1} {digit:2} {digit:3} {digit:4}"),
    (1.0, "room number {digit:1} {digit:2} {digit:3} is on the {ordinal} floor"),
    (1.0, "there are {number} {items} on the table"),
    (1.0, "{number} plus {number2} is {number3}"),
    (2.0, "the {colour} {animal} {activity} {where}"),
    (2.0, "a {size} {animal} {activity} {where}"),
    (1.0, "there are {number} {animals} {where}"),
    (2.0, "the {size} {person} {does}"),
    (1.0, "{name} {does} {where}"),
    (1.0, "the {person} {does} {where}"),
    (1.0, "{name1} and {name2} live in {city}"),
    (1.0, "{name1} met {name2} {where}"),
    (1.0, "{name} is {number} years old and lives in {city}"),
    (1.0, "the {person} has a {colour} {item} and a {size} {animal}"),
    (1.0, "the {item} is {where}"),
)

GRAMMAR = Grammar("en", (*(Template(text, text, weight) for weight, text in _TEMPLATES), *digit_strings()), _SLOTS)
