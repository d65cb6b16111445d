"""The German grammar, with the English of every sentence in the English grammar's own words."""

from recipes.demo_pair.domain import Grammar, Phrase, Template, digit_strings, joined, listed, pairs
from recipes.demo_pair.grammar_en import BELOW_HUNDRED, DIGITS, MONTHS, ORDINALS, WEEKDAYS

_DIGITS = listed("null eins zwei drei vier fünf sechs sieben acht neun")
_TEENS = listed("zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn")
_TENS = listed("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig")
_UNITS = ["ein", *_DIGITS[2:]]
_NUMBERS = _DIGITS + _TEENS + [f"{unit}{ten}" for ten in _TENS for unit in ["", *(f"{u}und" for u in _UNITS)]]
_ORDINALS = [
    *listed("erste zweite dritte vierte fünfte sechste siebte achte neunte zehnte elfte zwölfte"),
    *(f"{number}te" for number in _TEENS[3:]),
    *(f"{number}ste" for number in _NUMBERS[20:32]),
]
_MONTHS = listed("Januar Februar März April Mai Juni Juli August September Oktober November Dezember")
_WEEKDAYS = listed("Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag")

# noun (and its accusative, where that differs), gender, English
_ITEMS = """
Buch n book; Fahrrad n bicycle; Mantel m coat; Stuhl m chair; Tisch m table; Uhr f clock; Gitarre f guitar;
Kamera f camera; Regenschirm m umbrella; Hut m hat; Fahrkarte f ticket; Lampe f lamp; Tasche f bag; Telefon n phone;
Flasche f bottle; Tasse f cup; Hemd n shirt; Decke f blanket; Korb m basket
"""
_ANIMALS = """
Katze f cat; Hund m dog; Pferd n horse; Kaninchen n rabbit; Vogel m bird; Kuh f cow; Schaf n sheep; Ente f duck;
Maus f mouse; Fuchs m fox; Bär/Bären m bear; Löwe/Löwen m lion; Tiger m tiger; Elefant/Elefanten m elephant;
Affe/Affen m monkey; Schlange f snake; Frosch m frog; Ziege f goat; Wolf m wolf; Schwein n pig
"""
_PEOPLE = """
Mann m man; Frau f woman; Junge m boy; Mädchen n girl; Lehrer m teacher; Arzt m doctor; Bauer m farmer; Sänger m singer;
Fahrer m driver; Krankenschwester f nurse; Maler m painter; Bäcker m baker; Student m student; Matrose m sailor;
König m king; Königin f queen
"""
_COLOURS = pairs("rot=red, blau=blue, grün=green, gelb=yellow, schwarz=black, weiß=white, braun=brown, grau=grey")
_SIZES = pairs(
    "klein=small, groß=big, alt=old, jung=young, seltsam=strange, ruhig=quiet, glücklich=happy, müde=tired, "
    "hungrig=hungry, schön=beautiful"
)
_THE = {"m": "der", "f": "die", "n": "das"}
_THE_ACCUSATIVE = {"m": "den", "f": "die", "n": "das"}
_A_ACCUSATIVE = {"m": "einen", "f": "eine", "n": "ein"}
_ENDING_ACCUSATIVE = {"m": "en", "f": "e", "n": "es"}


def _nouns(table: str) -> list[tuple[str, str, str, str]]:
    """(nominative, accusative, gender, English) of a table."""
    nouns = []
    for row in table.replace("\n", " ").split(";"):
        word, gender, english = row.split()
        nominative, _, accusative = word.partition("/")
        nouns.append((nominative, accusative or nominative, gender, english))
    return nouns


def _the(table: str) -> tuple[Phrase, ...]:
    return tuple(Phrase(f"{_THE[gender]} {word}", f"the {english}") for word, _, gender, english in _nouns(table))


def _the_accusative(table: str) -> tuple[Phrase, ...]:
    return tuple(
        Phrase(f"{_THE_ACCUSATIVE[gender]} {word}", f"the {english}") for _, word, gender, english in _nouns(table)
    )


def _inflected(adjective: str, ending: str) -> str:
    return adjective.removesuffix("e") + ending


def _the_adjective(adjectives: tuple[Phrase, ...], table: str) -> tuple[Phrase, ...]:
    return tuple(
        Phrase(f"{_THE[gender]} {_inflected(adjective.text, 'e')} {word}", f"the {adjective.english} {english}")
        for adjective in adjectives
        for word, _, gender, english in _nouns(table)
    )


def _an_adjective(adjectives: tuple[Phrase, ...], table: str, accusative: bool = True) -> tuple[Phrase, ...]:
    phrases = []
    for adjective in adjectives:
        for nominative, object_form, gender, english in _nouns(table):
            word = object_form if accusative else nominative
            article = _A_ACCUSATIVE[gender] if accusative or gender == "f" else "ein"
            ending = _ENDING_ACCUSATIVE[gender] if accusative or gender != "m" else "er"
            described = _inflected(adjective.text, ending)
            phrases.append(Phrase(f"{article} {described} {word}", f"a {adjective.english} {english}"))
    return tuple(phrases)


_SLOTS: dict[str, tuple[Phrase, ...]] = {
    # numbers
    "digit": joined(_DIGITS, DIGITS),
    "few": joined(_NUMBERS[2:13], BELOW_HUNDRED[2:13]),
    "number": joined(_NUMBERS[2:], BELOW_HUNDRED[2:]),
    "large": pairs(
        "{hundreds}hundert={hundreds} hundred, {hundreds}hundert{number}={hundreds} hundred and {number}, "
        "{hundreds}tausend={hundreds} thousand"
    ),
    "hundreds": joined(_UNITS, DIGITS[1:]),
    "ordinal": joined([f"{ordinal}n" for ordinal in _ORDINALS], ORDINALS),
    "first": joined(_ORDINALS, ORDINALS),
    # times and dates
    "hour": joined(["ein", *_NUMBERS[2:13]], BELOW_HUNDRED[1:13]),
    "hourname": joined(_NUMBERS[1:13], BELOW_HUNDRED[1:13]),
    "half": joined(
        [f"halb {hour}" for hour in [*_NUMBERS[2:13], "eins"]], [f"half past {hour}" for hour in BELOW_HUNDRED[1:13]]
    ),
    "minute": joined(_NUMBERS[10:60], BELOW_HUNDRED[10:60]),
    "part": pairs("morgens=in the morning, nachmittags=in the afternoon, abends=in the evening, nachts=at night"),
    "time": pairs(
        "{hour} Uhr={hour} o'clock, {hour} Uhr {minute}={hour} {minute}, {half}={half}, "
        "Viertel vor {hourname}=quarter to {hourname}, Viertel nach {hourname}=quarter past {hourname}, "
        "{hour} Uhr {part}={hour} {part}, zehn nach {hourname}=ten past {hourname}, "
        "zwanzig vor {hourname}=twenty to {hourname}, zwölf Uhr mittags=noon, Mitternacht=midnight"
    ),
    "weekday": joined(_WEEKDAYS, WEEKDAYS),
    "month": joined(_MONTHS, MONTHS),
    "date": (
        Phrase("der {first} {month}", "the {first} of {month}"),
        Phrase("{weekday}, der {first} {month}", "{weekday} the {first} of {month}"),
    ),
    "ondate": (
        Phrase("am {ordinal} {month}", "on the {ordinal} of {month}"),
        Phrase("am {weekday}, dem {ordinal} {month}", "on {weekday} the {ordinal} of {month}"),
    ),
    "year": pairs("neunzehnhundert{decade}=nineteen {decade}, zweitausend{decade}=twenty {decade}"),
    "decade": joined(_NUMBERS[10:], BELOW_HUNDRED[10:]),
    "when": pairs(
        "heute=today, morgen=tomorrow, heute Abend=tonight, am {weekday}=on {weekday}, nächste Woche=next week, "
        "dieses Wochenende=this weekend, am Morgen=in the morning"
    ),
    "event": pairs(
        "die Besprechung=the meeting, das Konzert=the concert, der Film=the film, der Unterricht=the lesson, "
        "die Feier=the party, das Fußballspiel=the football match, die Hochzeit=the wedding, "
        "das Abendessen=the dinner, die Prüfung=the exam, der Markt=the market"
    ),
    # things and prices
    "price": pairs(
        "{few} Dollar={few} dollars, {number} Dollar={number} dollars, {few} Euro={few} euros, "
        "{number} Euro={number} euros, {few} Pfund={few} pounds, {number} Cent={number} cents, "
        "{few} Dollar und {number} Cent={few} dollars and {number} cents, "
        "{few} Euro und {number} Cent={few} euros and {number} cents, {large} Dollar={large} dollars"
    ),
    "item": _the(_ITEMS),
    "itemobject": _the_accusative(_ITEMS),
    "colouritem": _the_adjective(_COLOURS, _ITEMS),
    "acolouritem": _an_adjective(_COLOURS, _ITEMS),
    "items": pairs(
        "Bücher=books, Fahrkarten=tickets, Äpfel=apples, Orangen=oranges, Tassen=cups, Flaschen=bottles, "
        "Stühle=chairs, Eier=eggs, Blumen=flowers, Briefe=letters, Kisten=boxes, Kerzen=candles"
    ),
    "food": pairs(
        "Milch=milk, Brot=bread, Butter=butter, Käse=cheese, Äpfel=apples, Reis=rice, Kaffee=coffee, Zucker=sugar, "
        "Tee=tea, Honig=honey, Eier=eggs, Orangen=oranges, Tomaten=tomatoes, Kartoffeln=potatoes, Zwiebeln=onions, "
        "Suppe=soup, Salz=salt, Fisch=fish"
    ),
    # household
    "room": pairs(
        "in der Küche=in the kitchen, im Schlafzimmer=in the bedroom, im Badezimmer=in the bathroom, "
        "im Wohnzimmer=in the living room, in der Garage=in the garage, im Flur=in the hall, im Büro=in the office, "
        "im Garten=in the garden, im Keller=in the cellar, im Esszimmer=in the dining room"
    ),
    "device": pairs(
        "die Lampe=the lamp, das Licht=the lights, das Radio=the radio, den Fernseher=the television, "
        "die Heizung=the heating, den Ventilator=the fan, den Wecker=the alarm, die Musik=the music, "
        "den Computer=the computer, den Ofen=the oven, die Waschmaschine=the washing machine"
    ),
    "opening": pairs(
        "das Fenster=the window, die Tür=the door, die Vorhänge=the curtains, das Tor=the gate, "
        "die Schublade=the drawer, den Schrank=the cupboard, den Kühlschrank=the fridge"
    ),
    "music": pairs(
        "Jazz=some jazz, Musik=some music, die Nachrichten=the news, ein Lied=a song, "
        "klassische Musik=classical music, mein Lieblingslied=my favourite song, das Klavierkonzert=the piano concert"
    ),
    "level": pairs("lauter=up, leiser=down"),
    "pet": pairs(
        "die Katze=the cat, den Hund=the dog, das Pferd=the horse, das Kaninchen=the rabbit, den Vogel=the bird, "
        "den Fisch=the fish"
    ),
    "task": pairs(
        "{name} anzurufen=call {name}, die Pflanzen zu gießen=water the plants, {pet} zu füttern=feed {pet}, "
        "{food} zu kaufen=buy {food}, den Müll hinauszubringen=take out the rubbish, "
        "die Rechnung zu bezahlen=pay the bill, {opening} zu schließen=close {opening}, "
        "die Küche zu putzen=clean the kitchen, das Schlafzimmer zu putzen=clean the bedroom, "
        "{name} zu besuchen=visit {name}, die Tür abzuschließen=lock the door"
    ),
    # weather
    "sky": pairs(
        "sonnig=sunny, bewölkt=cloudy, regnerisch=rainy, windig=windy, neblig=foggy, kalt=cold, warm=warm, heiß=hot, "
        "trocken=dry, stürmisch=stormy, eiskalt=freezing"
    ),
    "fall": pairs(
        "Regen=rain, Schnee=snow, Nebel=fog, Donner=thunder, einen Sturm=a storm, starken Wind=strong wind, "
        "Sonnenschein=sunshine, leichten Regen=light rain, starken Schneefall=heavy snow, "
        "einen klaren Himmel=a clear sky"
    ),
    "city": pairs(
        "London=London, Paris=Paris, Berlin=Berlin, Madrid=Madrid, Rom=Rome, New York=New York, Boston=Boston, "
        "Chicago=Chicago, Dublin=Dublin, Wien=Vienna, Tokio=Tokyo, Oslo=Oslo, Lissabon=Lisbon, Sydney=Sydney"
    ),
    "coast": pairs(
        "im Norden=in the north, im Süden=in the south, im Osten=in the east, im Westen=in the west, "
        "an der Küste=near the coast, in den Bergen=in the mountains"
    ),
    # scenes
    "name": pairs(
        "Anna=Anna, Tom=Tom, Maria=Maria, Peter=Peter, David=David, Emma=Emma, Sarah=Sarah, Paul=Paul, Julia=Julia, "
        "Martin=Martin, Laura=Laura, Simon=Simon, Nina=Nina, Oscar=Oscar"
    ),
    "colouranimal": _the_adjective(_COLOURS, _ANIMALS),
    "sizeanimal": _an_adjective(_SIZES, _ANIMALS, accusative=False),
    "asizeanimal": _an_adjective(_SIZES, _ANIMALS),
    "acolouranimal": _an_adjective(_COLOURS, _ANIMALS),
    "animals": pairs(
        "Katzen=cats, Hunde=dogs, Pferde=horses, Kaninchen=rabbits, Vögel=birds, Kühe=cows, Enten=ducks, "
        "Füchse=foxes, Bären=bears, Löwen=lions, Affen=monkeys, Schlangen=snakes, Frösche=frogs, Ziegen=goats, "
        "Schweine=pigs"
    ),
    "activity": pairs(
        "schläft=is sleeping, rennt=is running, wartet=is waiting, sitzt=is sitting, versteckt sich=is hiding, "
        "spielt=is playing, frisst=is eating, läuft=is walking"
    ),
    "where": pairs(
        "unter dem Baum=under the tree, hinter dem Haus=behind the house, im Garten=in the garden, "
        "am Fluss=by the river, auf der Brücke=on the bridge, am See=near the lake, im Wald=in the forest, "
        "auf dem Hügel=on the hill, am Bahnhof=at the station, vor der Schule=in front of the school, "
        "an der Straße=beside the road, auf dem Feld=in the field, auf dem Dach=on the roof, am Strand=at the beach"
    ),
    "person": _the(_PEOPLE),
    "sizeperson": _the_adjective(_SIZES, _PEOPLE),
    "does": pairs(
        "öffnete {opening}=opened {opening}, kaufte {acolouritem}=bought {acolouritem}, "
        "verlor {itemobject}=lost {itemobject}, fand {itemobject}=found {itemobject}, sang ein Lied=sang a song, "
        "trank eine Tasse Tee=drank a cup of tea, las einen langen Brief=read a long letter, "
        "schrieb ein Buch=wrote a book, malte {acolouranimal}=painted {acolouranimal}, "
        "sah {acolouranimal}=saw {acolouranimal}, kochte das Abendessen=cooked dinner, "
        "sprach mit {name}=talked to {name}, schloss {opening}=closed {opening}, "
        "zerbrach {itemobject}=broke {itemobject}"
    ),
    "journey": pairs("der Zug=the train, der Bus=the bus, das Boot=the boat, das Taxi=the taxi, die Fähre=the ferry"),
}

_TEMPLATES: tuple[tuple[float, str, str], ...] = (
    (2.0, "schalte {device} {room} ein", "turn on {device} {room}"),
    (2.0, "schalte {device} {room} aus", "turn off {device} {room}"),
    (1.0, "mach bitte {device} {level}", "please turn {level} {device}"),
    (1.0, "öffne {opening} {room}", "open {opening} {room}"),
    (1.0, "schließe bitte {opening} {room}", "please close {opening} {room}"),
    (1.0, "stelle einen Timer auf {number} Minuten", "set a timer for {number} minutes"),
    (1.0, "stelle den Ofen auf {large} Grad", "set the oven to {large} degrees"),
    (1.0, "stelle die Heizung {room} auf {number} Grad", "set the heating {room} to {number} degrees"),
    (1.0, "spiele {music} {room}", "play {music} {room}"),
    (2.0, "erinnere mich um {time} daran, {task}", "remind me to {task} at {time}"),
    (1.0, "erinnere {name} {when} daran, {task}", "remind {name} to {task} {when}"),
    (2.0, "setze {food1} und {food2} auf die Einkaufsliste", "add {food1} and {food2} to the shopping list"),
    (1.0, "wir brauchen {food1}, {food2} und {food3}", "we need {food1}, {food2} and {food3}"),
    (1.0, "weck mich um {time}", "wake me up at {time}"),
    (1.0, "weck mich am {weekday} um {time}", "wake me up at {time} on {weekday}"),
    (1.0, "es ist {time}", "it is {time}"),
    (2.0, "{event} beginnt um {time}", "{event} starts at {time}"),
    (1.0, "{event} ist am {weekday} um {time}", "{event} is on {weekday} at {time}"),
    (2.0, "{journey} nach {city} fährt um {time}", "{journey} to {city} leaves at {time}"),
    (
        1.0,
        "der Zug nach {city} fährt um {time} von Gleis {few}",
        "the train to {city} leaves from platform {few} at {time}",
    ),
    (1.0, "heute ist {date}", "today is {date}"),
    (1.0, "{event} ist {ondate}", "{event} is {ondate}"),
    (1.0, "{name} wurde {ondate} {year} geboren", "{name} was born {ondate} in {year}"),
    (1.0, "das Haus wurde {year} gebaut", "the house was built in {year}"),
    (2.0, "{item} kostet {price}", "{item} costs {price}"),
    (1.0, "{colouritem} kostet {price}", "{colouritem} costs {price}"),
    (1.0, "{name} bezahlte {price} für {itemobject}", "{name} paid {price} for {itemobject}"),
    (1.0, "{few} {items} kosten {price}", "{few} {items} cost {price}"),
    (2.0, "es wird {when} in {city} {sky}", "it will be {sky} in {city} {when}"),
    (1.0, "es ist {sky1} und {sky2} {coast}", "it is {sky1} and {sky2} {coast}"),
    (1.0, "{when} gibt es {fall} {coast}", "there will be {fall} {coast} {when}"),
    (1.0, "erwarte {when} {fall}", "expect {fall} {when}"),
    (1.0, "die Temperatur in {city} beträgt {number} Grad", "the temperature in {city} is {number} degrees"),
    (1.0, "wie wird das Wetter {when} in {city}?", "what is the weather like in {city} {when}?"),
    (
        2.0,
        "meine Telefonnummer ist {digit:1} {digit:2} {digit:3}, {digit:4} {digit:5} {digit:6}",
        "my phone number is {digit:1} {digit:2} {digit:3}, {digit:4} {digit:5} {digit:6}",
    ),
    (
        1.0,
        "ruf {name} an unter {digit:1} {digit:2} {digit:3} {digit:4} {digit:5}",
        "call {name} at {digit:1} {digit:2} {digit:3} {digit:4} {digit:5}",
    ),
    (
        2.0,
        "der Code ist {digit:1} {digit:2} {digit:3} {digit:4}",
        "the code is {digit:1} {digit:2} {digit:3} {digit:4}",
    ),
    (
        1.0,
        "Zimmer {digit:1} {digit:2} {digit:3} ist im {ordinal} Stock",
        "room number {digit:1} {digit:2} {digit:3} is on the {ordinal} floor",
    ),
    (1.0, "auf dem Tisch liegen {number} {items}", "there are {number} {items} on the table"),
    (1.0, "{number} plus {number2} ist {number3}", "{number} plus {number2} is {number3}"),
    (2.0, "{colouranimal} {activity} {where}", "{colouranimal} {activity} {where}"),
    (2.0, "{sizeanimal} {activity} {where}", "{sizeanimal} {activity} {where}"),
    (1.0, "es gibt {number} {animals} {where}", "there are {number} {animals} {where}"),
    (2.0, "{sizeperson} {does}", "{sizeperson} {does}"),
    (1.0, "{name} {does} {where}", "{name} {does} {where}"),
    (1.0, "{person} {does} {where}", "{person} {does} {where}"),
    (1.0, "{name1} und {name2} wohnen in {city}", "{name1} and {name2} live in {city}"),
    (1.0, "{name1} traf {name2} {where}", "{name1} met {name2} {where}"),
    (
        1.0,
        "{name} ist {number} Jahre alt und wohnt in {city}",
        "{name} is {number} years old and lives in {city}",
    ),
    (1.0, "{person} hat {acolouritem} und {asizeanimal}", "{person} has {acolouritem} and {asizeanimal}"),
    (1.0, "{item} ist {where}", "{item} is {where}"),
)

GRAMMAR = Grammar(
    "de",
    (*(Template(text, english, weight) for weight, text, english in _TEMPLATES), *digit_strings()),
    _SLOTS,
)
