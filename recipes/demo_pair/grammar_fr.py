"""The French grammar, with the English of every sentence in the English grammar's own words."""

from recipes.demo_pair.domain import Grammar, Phrase, Template, digit_strings, joined, listed, pairs
from recipes.demo_pair.grammar_en import BELOW_HUNDRED, DIGITS, MONTHS, ORDINALS, WEEKDAYS

_DIGITS = listed("zéro un deux trois quatre cinq six sept huit neuf")
_TEENS = listed("dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf")


def _ten(ten: str, units: list[str]) -> list[str]:
    """Ten numbers: vingt, vingt et un, vingt-deux ..."""
    return [ten, f"{ten} et un", *(f"{ten}-{unit}" for unit in units[2:])]


_NUMBERS = [
    *_DIGITS,
    *_TEENS,
    *(number for ten in listed("vingt trente quarante cinquante soixante") for number in _ten(ten, _DIGITS)),
    *("soixante et onze" if teen == "onze" else f"soixante-{teen}" for teen in _TEENS),
    "quatre-vingts",
    *(f"quatre-vingt-{number}" for number in [*_DIGITS[1:], *_TEENS]),
]
_FEMININE = [f"{number}e" if number.endswith(("et un", "-un")) else number for number in _NUMBERS]
_ORDINALS = [
    "premier",
    *listed("deuxième troisième quatrième cinquième sixième septième huitième neuvième dixième onzième douzième"),
    *listed("treizième quatorzième quinzième seizième dix-septième dix-huitième dix-neuvième vingtième"),
    "vingt et unième",
    *(f"vingt-{nth}" for nth in listed("deuxième troisième quatrième cinquième sixième septième huitième neuvième")),
    "trentième",
    "trente et unième",
]
_MONTHS = listed("janvier février mars avril mai juin juillet août septembre octobre novembre décembre")
_WEEKDAYS = listed("lundi mardi mercredi jeudi vendredi samedi dimanche")

_ITEMS = """
livre m book; vélo m bicycle; manteau m coat; chaise f chair; table f table; horloge f clock; guitare f guitar;
caméra f camera; parapluie m umbrella; chapeau m hat; billet m ticket; lampe f lamp; sac m bag; téléphone m phone;
bouteille f bottle; tasse f cup; chemise f shirt; couverture f blanket; panier m basket
"""
_ANIMALS = """
chat m cat; chien m dog; cheval m horse; lapin m rabbit; oiseau m bird; vache f cow; mouton m sheep; canard m duck;
souris f mouse; renard m fox; ours m bear; lion m lion; tigre m tiger; éléphant m elephant; singe m monkey;
serpent m snake; grenouille f frog; chèvre f goat; loup m wolf; cochon m pig
"""
_PEOPLE = """
homme m man; femme f woman; garçon m boy; fille f girl; professeur m teacher; médecin m doctor; fermier m farmer;
chanteur m singer; chauffeur m driver; infirmière f nurse; peintre m painter; boulanger m baker; étudiant m student;
marin m sailor; roi m king; reine f queen
"""
_COLOURS = pairs(
    "rouge/rouge=red, bleu/bleue=blue, vert/verte=green, jaune/jaune=yellow, noir/noire=black, blanc/blanche=white, "
    "brun/brune=brown, gris/grise=grey, orange/orange=orange, violet/violette=purple, rose/rose=pink"
)
_SIZES_BEFORE = pairs(
    "petit/petite/petit=small, grand/grande/grand=big, vieux/vieille/vieil=old, beau/belle/bel=beautiful"
)
_SIZES_AFTER = pairs(
    "étrange/étrange=strange, calme/calme=quiet, heureux/heureuse=happy, fatigué/fatiguée=tired, affamé/affamée=hungry"
)


def _nouns(table: str) -> list[tuple[str, str, str]]:
    """(noun, gender, English) of a table."""
    return [(word, gender, english) for word, gender, english in map(str.split, table.split(";"))]


def _elides(word: str) -> bool:
    return word[0] in "aeiouéèœ" or word in ("homme", "horloge")


def _the(word: str, gender: str) -> str:
    return f"l'{word}" if _elides(word) else f"{'le' if gender == 'm' else 'la'} {word}"


def _a(word: str, gender: str) -> str:
    return f"{'un' if gender == 'm' else 'une'} {word}"


def _all_the(table: str) -> tuple[Phrase, ...]:
    return tuple(Phrase(_the(word, gender), f"the {english}") for word, gender, english in _nouns(table))


def _after(adjectives: tuple[Phrase, ...], table: str, definite: bool) -> tuple[Phrase, ...]:
    """Nouns with an adjective behind them."""
    article, the = (_the, "the") if definite else (_a, "a")
    return tuple(
        Phrase(
            f"{article(word, gender)} {described.text.split('/')[gender == 'f']}", f"{the} {described.english} {one}"
        )
        for described in adjectives
        for word, gender, one in _nouns(table)
    )


def _before(table: str, definite: bool) -> tuple[Phrase, ...]:
    """Nouns with an adjective before them; some have a form of their own before a vowel."""
    article, the = (_the, "the") if definite else (_a, "a")
    phrases = []
    for adjective in _SIZES_BEFORE:
        masculine, feminine, vowel = adjective.text.split("/")
        for word, gender, noun in _nouns(table):
            described = feminine if gender == "f" else vowel if _elides(word) else masculine
            phrases.append(Phrase(f"{article(described, gender)} {word}", f"{the} {adjective.english} {noun}"))
    return tuple(phrases)


_SLOTS: dict[str, tuple[Phrase, ...]] = {
    # numbers
    "digit": joined(_DIGITS, DIGITS),
    "few": joined(_NUMBERS[2:13], BELOW_HUNDRED[2:13]),
    "number": joined(_NUMBERS[2:], BELOW_HUNDRED[2:]),
    "numberf": joined(_FEMININE[2:], BELOW_HUNDRED[2:]),
    "large": pairs(
        "cent=one hundred, cent {number}=one hundred and {number}, mille=one thousand, "
        "{hundreds} cents={hundreds} hundred, {hundreds} cent {number}={hundreds} hundred and {number}, "
        "{hundreds} mille={hundreds} thousand"
    ),
    "hundreds": joined(_DIGITS[2:], DIGITS[2:]),
    "ordinal": joined(_ORDINALS, ORDINALS),
    "day": joined(["premier", *_NUMBERS[2:32]], ORDINALS),
    # times and dates
    "clock": joined(["une heure", *(f"{number} heures" for number in _NUMBERS[2:12])], BELOW_HUNDRED[1:12]),
    "minute": joined(_FEMININE[10:60], BELOW_HUNDRED[10:60]),
    "part": pairs("du matin=in the morning, de l'après-midi=in the afternoon, du soir=in the evening"),
    "time": pairs(
        "{clock}={clock} o'clock, {clock} {minute}={clock} {minute}, {clock} et demie=half past {clock}, "
        "{clock} moins le quart=quarter to {clock}, {clock} et quart=quarter past {clock}, "
        "{clock} {part}={clock} {part}, {clock} moins vingt=twenty to {clock}, midi=noon, minuit=midnight"
    ),
    "weekday": joined(_WEEKDAYS, WEEKDAYS),
    "month": joined(_MONTHS, MONTHS),
    "date": pairs("le {day} {month}=the {day} of {month}, le {weekday} {day} {month}={weekday} the {day} of {month}"),
    "ondate": pairs(
        "le {day} {month}=on the {day} of {month}, le {weekday} {day} {month}=on {weekday} the {day} of {month}"
    ),
    "year": pairs("mille neuf cent {decade}=nineteen {decade}, deux mille {decade}=twenty {decade}"),
    "decade": joined(_NUMBERS[10:], BELOW_HUNDRED[10:]),
    "when": pairs(
        "aujourd'hui=today, demain=tomorrow, ce soir=tonight, {weekday}=on {weekday}, "
        "la semaine prochaine=next week, ce week-end=this weekend, le matin=in the morning"
    ),
    "event": pairs(
        "la réunion=the meeting, le concert=the concert, le film=the film, la leçon=the lesson, la fête=the party, "
        "le match de football=the football match, le mariage=the wedding, le dîner=the dinner, l'examen=the exam, "
        "le marché=the market"
    ),
    # things and prices
    "price": pairs(
        "{few} dollars={few} dollars, {number} dollars={number} dollars, {few} euros={few} euros, "
        "{number} euros={number} euros, {few} livres={few} pounds, {number} centimes={number} cents, "
        "{few} dollars et {number} centimes={few} dollars and {number} cents, "
        "{few} euros et {number} centimes={few} euros and {number} cents, {large} dollars={large} dollars"
    ),
    "item": _all_the(_ITEMS),
    "colouritem": _after(_COLOURS, _ITEMS, definite=True),
    "acolouritem": _after(_COLOURS, _ITEMS, definite=False),
    "itemsm": pairs("livres=books, billets=tickets, œufs=eggs, chapeaux=hats, paniers=baskets"),
    "itemsf": pairs(
        "pommes=apples, oranges=oranges, tasses=cups, bouteilles=bottles, chaises=chairs, fleurs=flowers, "
        "lettres=letters, boîtes=boxes, bougies=candles"
    ),
    "food": pairs(
        "du lait=milk, du pain=bread, du beurre=butter, du fromage=cheese, des pommes=apples, du riz=rice, "
        "du café=coffee, du sucre=sugar, du thé=tea, du miel=honey, des œufs=eggs, des oranges=oranges, "
        "des tomates=tomatoes, des pommes de terre=potatoes, des oignons=onions, de la soupe=soup, du sel=salt, "
        "du poisson=fish"
    ),
    # household
    "room": pairs(
        "dans la cuisine=in the kitchen, dans la chambre=in the bedroom, dans la salle de bain=in the bathroom, "
        "dans le salon=in the living room, dans le garage=in the garage, dans le couloir=in the hall, "
        "dans le bureau=in the office, dans le jardin=in the garden, dans la cave=in the cellar, "
        "dans la salle à manger=in the dining room, dans le grenier=in the attic"
    ),
    "device": pairs(
        "la lampe=the lamp, les lumières=the lights, la radio=the radio, la télévision=the television, "
        "le chauffage=the heating, le ventilateur=the fan, l'alarme=the alarm, la musique=the music, "
        "l'ordinateur=the computer, le four=the oven, la machine à laver=the washing machine"
    ),
    "opening": pairs(
        "la fenêtre=the window, la porte=the door, les rideaux=the curtains, les volets=the blinds, "
        "le portail=the gate, le tiroir=the drawer, le placard=the cupboard, le frigo=the fridge"
    ),
    "music": pairs(
        "du jazz=some jazz, de la musique=some music, les nouvelles=the news, une chanson=a song, "
        "de la musique classique=classical music, ma chanson préférée=my favourite song, "
        "le concert de piano=the piano concert"
    ),
    "level": pairs("monte=up, baisse=down"),
    "pet": pairs(
        "le chat=the cat, le chien=the dog, le cheval=the horse, le lapin=the rabbit, l'oiseau=the bird, "
        "le poisson=the fish"
    ),
    "task": pairs(
        "d'appeler {name}=call {name}, d'arroser les plantes=water the plants, de nourrir {pet}=feed {pet}, "
        "d'acheter {food}=buy {food}, de sortir les poubelles=take out the rubbish, "
        "de payer la facture=pay the bill, de fermer {opening}=close {opening}, "
        "de nettoyer la cuisine=clean the kitchen, de nettoyer la chambre=clean the bedroom, "
        "de rendre visite à {name}=visit {name}, de verrouiller la porte=lock the door"
    ),
    # weather
    "sky": pairs(
        "ensoleillé=sunny, nuageux=cloudy, pluvieux=rainy, venteux=windy, brumeux=foggy, froid=cold, doux=warm, "
        "chaud=hot, sec=dry, orageux=stormy, glacial=freezing"
    ),
    "fall": pairs(
        "de la pluie=rain, de la neige=snow, du brouillard=fog, du tonnerre=thunder, une tempête=a storm, "
        "un vent fort=strong wind, du soleil=sunshine, une pluie légère=light rain, "
        "de fortes chutes de neige=heavy snow, un ciel clair=a clear sky"
    ),
    "city": pairs(
        "Londres=London, Paris=Paris, Berlin=Berlin, Madrid=Madrid, Rome=Rome, New York=New York, Boston=Boston, "
        "Chicago=Chicago, Dublin=Dublin, Vienne=Vienna, Tokyo=Tokyo, Oslo=Oslo, Lisbonne=Lisbon, Sydney=Sydney"
    ),
    "coast": pairs(
        "dans le nord=in the north, dans le sud=in the south, dans l'est=in the east, dans l'ouest=in the west, "
        "près de la côte=near the coast, en montagne=in the mountains"
    ),
    # scenes
    "name": pairs(
        "Anna=Anna, Tom=Tom, Maria=Maria, David=David, Emma=Emma, Sarah=Sarah, Paul=Paul, Julia=Julia, "
        "Martin=Martin, Laura=Laura, Simon=Simon, Nina=Nina, Oscar=Oscar"
    ),
    "boy": pairs("Tom=Tom, David=David, Paul=Paul, Martin=Martin, Simon=Simon, Oscar=Oscar"),
    "girl": pairs("Anna=Anna, Maria=Maria, Emma=Emma, Sarah=Sarah, Julia=Julia, Laura=Laura, Nina=Nina"),
    "colouranimal": _after(_COLOURS, _ANIMALS, definite=True),
    "acolouranimal": _after(_COLOURS, _ANIMALS, definite=False),
    "asizeanimal": _before(_ANIMALS, definite=False) + _after(_SIZES_AFTER, _ANIMALS, definite=False),
    "animalsm": pairs(
        "chats=cats, chiens=dogs, chevaux=horses, lapins=rabbits, oiseaux=birds, canards=ducks, renards=foxes, "
        "ours=bears, lions=lions, singes=monkeys, serpents=snakes, cochons=pigs"
    ),
    "animalsf": pairs("vaches=cows, grenouilles=frogs, chèvres=goats"),
    "activity": pairs(
        "dort=is sleeping, court=is running, attend=is waiting, se cache=is hiding, joue=is playing, "
        "mange=is eating, marche=is walking"
    ),
    "where": pairs(
        "sous l'arbre=under the tree, derrière la maison=behind the house, dans le jardin=in the garden, "
        "au bord de la rivière=by the river, sur le pont=on the bridge, près du lac=near the lake, "
        "dans la forêt=in the forest, sur la colline=on the hill, à la gare=at the station, "
        "devant l'école=in front of the school, à côté de la route=beside the road, dans le champ=in the field, "
        "sur le toit=on the roof, à la plage=at the beach"
    ),
    "person": _all_the(_PEOPLE),
    "sizeperson": _before(_PEOPLE, definite=True) + _after(_SIZES_AFTER, _PEOPLE, definite=True),
    "does": pairs(
        "a ouvert {opening}=opened {opening}, a acheté {acolouritem}=bought {acolouritem}, "
        "a perdu {item}=lost {item}, a trouvé {item}=found {item}, a chanté une chanson=sang a song, "
        "a bu une tasse de thé=drank a cup of tea, a lu une longue lettre=read a long letter, "
        "a écrit un livre=wrote a book, a peint {acolouranimal}=painted {acolouranimal}, "
        "a vu {acolouranimal}=saw {acolouranimal}, a préparé le dîner=cooked dinner, "
        "a parlé à {name}=talked to {name}, a fermé {opening}=closed {opening}, a cassé {item}=broke {item}"
    ),
    "journey": pairs(
        "le train=the train, le bus=the bus, le bateau=the boat, le taxi=the taxi, le ferry=the ferry, "
        "l'avion=the plane"
    ),
}

_TEMPLATES: tuple[tuple[float, str, str], ...] = (
    (2.0, "allume {device} {room}", "turn on {device} {room}"),
    (2.0, "éteins {device} {room}", "turn off {device} {room}"),
    (1.0, "s'il te plaît, {level} {device}", "please turn {level} {device}"),
    (1.0, "ouvre {opening} {room}", "open {opening} {room}"),
    (1.0, "s'il te plaît, ferme {opening} {room}", "please close {opening} {room}"),
    (1.0, "règle un minuteur sur {numberf} minutes", "set a timer for {numberf} minutes"),
    (1.0, "règle le four sur {large} degrés", "set the oven to {large} degrees"),
    (1.0, "règle le chauffage {room} sur {number} degrés", "set the heating {room} to {number} degrees"),
    (1.0, "joue {music} {room}", "play {music} {room}"),
    (2.0, "rappelle-moi {task} à {time}", "remind me to {task} at {time}"),
    (1.0, "rappelle à {name} {task} {when}", "remind {name} to {task} {when}"),
    (2.0, "ajoute {food1} et {food2} à la liste de courses", "add {food1} and {food2} to the shopping list"),
    (1.0, "il nous faut {food1}, {food2} et {food3}", "we need {food1}, {food2} and {food3}"),
    (1.0, "réveille-moi à {time}", "wake me up at {time}"),
    (1.0, "réveille-moi {weekday} à {time}", "wake me up at {time} on {weekday}"),
    (1.0, "il est {time}", "it is {time}"),
    (2.0, "{event} commence à {time}", "{event} starts at {time}"),
    (1.0, "{event} a lieu {weekday} à {time}", "{event} is on {weekday} at {time}"),
    (2.0, "{journey} pour {city} part à {time}", "{journey} to {city} leaves at {time}"),
    (
        1.0,
        "le train pour {city} part du quai {few} à {time}",
        "the train to {city} leaves from platform {few} at {time}",
    ),
    (1.0, "aujourd'hui, nous sommes {date}", "today is {date}"),
    (1.0, "{event} a lieu {ondate}", "{event} is {ondate}"),
    (0.5, "{boy} est né {ondate} {year}", "{boy} was born {ondate} in {year}"),
    (0.5, "{girl} est née {ondate} {year}", "{girl} was born {ondate} in {year}"),
    (1.0, "la maison a été construite en {year}", "the house was built in {year}"),
    (2.0, "{item} coûte {price}", "{item} costs {price}"),
    (1.0, "{colouritem} coûte {price}", "{colouritem} costs {price}"),
    (1.0, "{name} a payé {price} pour {item}", "{name} paid {price} for {item}"),
    (0.4, "{few} {itemsm} coûtent {price}", "{few} {itemsm} cost {price}"),
    (0.6, "{few} {itemsf} coûtent {price}", "{few} {itemsf} cost {price}"),
    (2.0, "le temps sera {sky} à {city} {when}", "it will be {sky} in {city} {when}"),
    (1.0, "le temps est {sky1} et {sky2} {coast}", "it is {sky1} and {sky2} {coast}"),
    (1.0, "il y aura {fall} {coast} {when}", "there will be {fall} {coast} {when}"),
    (1.0, "prévois {fall} {when}", "expect {fall} {when}"),
    (1.0, "la température à {city} est de {number} degrés", "the temperature in {city} is {number} degrees"),
    (1.0, "quel temps fera-t-il à {city} {when}?", "what is the weather like in {city} {when}?"),
    (
        2.0,
        "mon numéro de téléphone est le {digit:1} {digit:2} {digit:3}, {digit:4} {digit:5} {digit:6}",
        "my phone number is {digit:1} {digit:2} {digit:3}, {digit:4} {digit:5} {digit:6}",
    ),
    (
        1.0,
        "appelle {name} au {digit:1} {digit:2} {digit:3} {digit:4} {digit:5}",
        "call {name} at {digit:1} {digit:2} {digit:3} {digit:4} {digit:5}",
    ),
    (2.0, "le code est {digit:1} {digit:2} {digit:3} {digit:4}", "the code is {digit:1} {digit:2} {digit:3} {digit:4}"),
    (
        1.0,
        "la chambre numéro {digit:1} {digit:2} {digit:3} est au {ordinal} étage",
        "room number {digit:1} {digit:2} {digit:3} is on the {ordinal} floor",
    ),
    (0.4, "il y a {number} {itemsm} sur la table", "there are {number} {itemsm} on the table"),
    (0.6, "il y a {numberf} {itemsf} sur la table", "there are {numberf} {itemsf} on the table"),
    (1.0, "{number} plus {number2} font {number3}", "{number} plus {number2} is {number3}"),
    (2.0, "{colouranimal} {activity} {where}", "{colouranimal} {activity} {where}"),
    (2.0, "{asizeanimal} {activity} {where}", "{asizeanimal} {activity} {where}"),
    (0.7, "il y a {number} {animalsm} {where}", "there are {number} {animalsm} {where}"),
    (0.3, "il y a {numberf} {animalsf} {where}", "there are {numberf} {animalsf} {where}"),
    (2.0, "{sizeperson} {does}", "{sizeperson} {does}"),
    (1.0, "{name} {does} {where}", "{name} {does} {where}"),
    (1.0, "{person} {does} {where}", "{person} {does} {where}"),
    (1.0, "{name1} et {name2} habitent à {city}", "{name1} and {name2} live in {city}"),
    (1.0, "{name1} a rencontré {name2} {where}", "{name1} met {name2} {where}"),
    (1.0, "{name} a {number} ans et habite à {city}", "{name} is {number} years old and lives in {city}"),
    (1.0, "{person} a {acolouritem} et {asizeanimal}", "{person} has {acolouritem} and {asizeanimal}"),
    (1.0, "{item} est {where}", "{item} is {where}"),
)

GRAMMAR = Grammar(
    "fr",
    (*(Template(text, english, weight) for weight, text, english in _TEMPLATES), *digit_strings()),
    _SLOTS,
)
