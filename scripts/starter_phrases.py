"""Phrases for make_starter_data.py; every one of them was invented for this template.

Each domain is a block of plain text, so that people who do not program can read and extend it:

    @ key        a list for the whole domain follows, parts separated by "|"
    # part       a part of the product; it is used as the subject of the lines that follow
    + / - / =    what one can say about the part: praise, complaint, plain fact

All products of a domain must have all of its parts: the generator combines them freely.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

SIGNS = {"+": "positive", "-": "negative", "=": "neutral"}

ELECTRONICS = """
@ nouns tablet | smartwatch | e-reader | dash camera | handheld console | voice recorder
@ nouns digital radio | travel camera | satellite navigator | baby monitor | media player
@ faults switches itself off twice a day | gets hot enough to warm my hands | forgets the time
@ faults freezes on the start screen | needs a restart every morning | died within a fortnight
@ faults blinks at me all night | charges only at one exact angle | beeps for no reason
@ virtues simply works when I switch it on | survives my rucksack | stays cool all day
@ virtues fits in a coat pocket | wakes up in a second | remembers every setting
@ virtues gets better with each update | does not confuse even my parents
@ facts comes in black and in grey | weighs a little more than its predecessor
@ facts ships with a two-pin plug | runs the same system as last year's model
@ facts has one port on the left side | is made for indoor and outdoor use
@ uses I use it on the train to work | It sits on my desk most of the time
@ uses It travels with us in the camper van | I bought it to replace a ten-year-old one
@ uses It was a present from my colleagues | I use it for an hour or so every evening
# battery
+ lasts two full days | keeps going through the longest flight | is still half full at bedtime
+ charges over a coffee break | has not let me down once
- is flat by lunchtime | drains while it sits in the drawer | lasts barely an hour
- swelled up after a month | drops from half full to nothing in minutes
= takes about two hours to fill | is built in and cannot be swapped | shows its level in four steps
# screen
+ is sharp even in bright sun | shows colours just as they are | is a joy to read at night
+ shrugs off fingerprints | reacts to the lightest touch
- scratches if you look at it | is so dim that I have to guess | has a dead spot in one corner
- ignores every second touch | flickers on the lowest setting
= is the same size as on the old model | has a matt finish | turns when you turn the device
# charger
+ is small and quick | clicks in firmly | stays cool under the pillow of cables on my desk
- melted at the tip | buzzes like a fly | came loose after a week | is too short for any socket here
= has a cable of one metre | is sold separately | fits the usual round socket
# casing
+ feels like one solid piece | has taken three falls without a mark | sits well in the hand
- creaks when I pick it up | cracked along the edge | feels like a yoghurt pot
= is plastic with a metal frame | has rounded corners | comes in two shades of grey
# menu
+ explains itself | has everything where I look for it | is a pleasure after the old one
- hides the simplest things | is a maze | mixes two languages | takes five taps to change the volume
= has six entries | looks like the one on the previous version | can be set to large letters
# wireless link
+ finds my phone at once | holds through two brick walls | never drops out
- drops out in the next room | has to be paired again every day | stutters with the door shut
= supports two devices at a time | can be switched off | uses the common standard
# power button
+ has a nice firm click | is easy to find in the dark | works even with gloves on
- sticks | fell inside the case | sits exactly where my thumb rests | needs three presses
= is on the right side | also wakes the screen | has a small ring of light around it
# manual
+ answers every question I had | is short and clear | has drawings that truly help
- is a riddle | describes another device | is printed in letters for ants
= is one folded sheet | comes in nine languages | can be downloaded as well
# memory
+ is plenty for years of use | copies files in a blink | has room to spare
- is full after a weekend | loses files at random | is half used up by adverts
= can be extended with a card | is split into two halves | is listed on the back of the box
# price
+ is more than fair | is a steal for what you get | left me room for a case
- is a cheek for what you get | fell by half a week later | is far too steep
= is the same in most shops | includes the delivery | went up a little in spring
"""

KITCHEN = """
@ nouns kettle | blender | rice cooker | slow cooker | coffee machine | food processor | juicer
@ nouns milk frother | soup maker | bread maker | egg boiler | vegetable steamer
@ faults trips the fuse every Sunday | leaks on the worktop | smells of burnt rubber
@ faults gave up before the guests arrived | splashes the wall behind it | rusts from the inside
@ faults takes longer than doing it by hand | wakes the whole house | tips over when full
@ virtues does one job and does it well | cleans up in a minute | makes breakfast easy
@ virtues has run daily without a hiccup | earns its place on the counter
@ virtues suits even my teenage son | looks good next to the stove
@ facts serves up to four people | needs an earthed socket | comes in white, red and black
@ facts stands about as high as a milk carton | has three settings
@ facts is the follow-up to the model from two years ago | can be used with any tap water
@ uses It stands in the office kitchen | I bought it for the holiday flat
@ uses We use it every morning before school | It was a wedding present
@ uses It replaced one that was older than my marriage | I cook for one most days
# lid
+ closes with a soft click | seals tight even when I shake it | comes off with one hand
- drips when I tilt it | does not stay shut | broke at the hinge | gets too hot to touch
= is made of clear plastic | has a small vent | has to be in place before it starts
# cord
+ reaches every corner I tried | tucks away neatly | is thick and well made
- is laughably short | gets warm | frayed where it meets the base | sticks out at a silly angle
= is a metre long | winds up under the base | ends in a flat plug
# control knob
+ turns smoothly | can be read without my glasses | clicks at each setting
- came off in my hand | turns freely and does nothing | has marks that wore off in a month
= has five positions | sits on the front | lights up blue when it is on
# motor
+ purrs | copes with frozen berries | has not slowed down since day one
- whines like a dentist's drill | stalls on a soft carrot | smells of smoke under load
= is rated at a few hundred watts | stops when the lid is open | is sealed in the base
# cleaning routine
+ takes no time at all | is a quick rinse and done | is the best part of it
- takes longer than the cooking | is a nightmare because of the seals
- needs a toothbrush and patience
= is described on page four | means washing by hand | comes after each use, says the leaflet
# handle
+ stays cool | fits my small hands well | is balanced even when full
- wobbles | burnt my fingers | snapped off with hot water inside | is made for giants
= is black | folds down for storage | is held by two screws
# base
+ stands like a rock | wipes clean in a second | keeps hold of the worktop
- slides around as if on ice | collects water underneath | rocks from side to side
= has four rubber feet | measures a hand and a half across | contains the heating plate
# taste of the result
+ won over my mother-in-law | is as good as in a café | is fresh and full
- reminds me of plastic | is flat and bitter | put the children off breakfast
= depends on what you put in | is like that of other machines | changes with the setting
# timer
+ is right to the second | keeps me from burning things | has a friendly chime
- stops when it feels like it | cannot be heard from the next room | loses count after ten minutes
= goes up to sixty minutes | counts down | beeps three times
# price
+ is very reasonable | is half of what I had feared | was well spent
- is a bad joke | buys two better ones elsewhere | hurts all the more since it broke
= is in the middle of the range | was the same in both shops | includes a spare seal
"""

BOOKS = """
@ nouns novel | thriller | ghost story | love story | sea adventure | family saga
@ nouns crime story | spy story | historical novel | fantasy tale | mystery
@ faults sends you to sleep by page ten | forgets its own story halfway | reads like a shopping list
@ faults explains every joke twice | borrows all its ideas | never gets off the ground
@ faults ends in the middle of a thought | needs a good editor and a pair of scissors
@ virtues kept me up until three | makes you miss your bus stop | stays with you for weeks
@ virtues has gone round half the street | surprised me right to the last page
@ virtues rewards a second reading | made me laugh out loud on the tram
@ facts has about four hundred pages | is the second part of a series | is set in a harbour town
@ facts came out as a paperback in autumn | is told by three different voices
@ facts covers a single summer | is also sold as an audio version
@ uses I read it on a long train ride | Our reading circle chose it for March
@ uses It lay on my bedside table for weeks | I found it on the new arrivals table
@ uses I took it along on holiday | My aunt passed her copy on to me
# plot
+ grips from the first page | twists in ways I never saw coming | ties up every loose end
+ moves along at a lovely pace
- falls apart in the middle | has holes you could sail through | is told on the back cover
- goes round in circles | hangs on one silly coincidence
= covers two generations | jumps between past and present | starts with a letter
# ending
+ is perfect | moved me to tears | makes sense of everything | lifts the whole story
- is a slap in the face | comes from nowhere | feels rushed | spoils what came before
= takes place at sea | leaves one question open | returns to the first scene
# main character
+ feels like an old friend | grows with every chapter | is funny and brave
- is a cardboard cut-out | whines for three hundred pages | makes one stupid choice after another
= is a retired teacher | works in a lighthouse | is never given a first name
# dialogue
+ crackles | sounds like real people talking | is full of dry wit
- sounds like a school play | is stiff as a board | goes on for pages without a point
= is kept short | is written without quotation marks | makes up half of the text
# opening chapter
+ pulled me straight in | is a small masterpiece | sets the mood wonderfully
- nearly made me give up | is one long weather report | confuses more than it explains
= is set in winter | introduces the two families | is twenty pages long
# middle section
+ flies by | deepens everything | holds the tension nicely
- drags | could be cut without loss | repeats the first part in other words
= takes place abroad | follows the younger sister | is divided into short chapters
# cover
+ is gorgeous | caught my eye for good reason | suits the mood of the text
- peeled off on day two | gives away the killer | promises a different story altogether
= shows a boat | is blue with white letters | is the same as on the first edition
# print
+ is large and kind to the eyes | is crisp on good paper | makes reading a pleasure
- is grey on grey | smudges under my thumb | is so small that it hurts
= is the usual size | uses an old-style letter | leaves wide margins
# style
+ is warm and clear | sings | is light without being shallow
- is heavy as lead | tries far too hard | drowns in adjectives
= is plain | changes with each narrator | is close to spoken language
# setting
+ comes alive | is so real that I could smell the sea | is drawn with love
- could be anywhere | is full of mistakes a map would cure | stays a painted backdrop
= is a small island | is a town by a river | is the years after the war
"""

CLOTHING = """
@ nouns shirt | jacket | coat | sweater | hoodie | cardigan | dress | blouse | raincoat | fleece
@ nouns tunic | overshirt
@ faults shrinks at the sight of water | turns everything in the wash pink | itches like straw
@ faults makes me look like a tent | came apart on the first day out | smells of chemicals
@ faults loses its shape by noon | clings in all the wrong places | sheds fluff on every chair
@ virtues goes with everything I own | looks as new after thirty washes | earns me compliments
@ virtues keeps me warm without weighing me down | fits as if it had been made for me
@ virtues packs down to nothing | begs to be worn every day
@ facts comes in five sizes | is sold in navy and sand | is part of the autumn range
@ facts was made in a small mill, the tag says | reaches down to the hip
@ facts is meant for spring and autumn | is the longer version of last year's cut
@ uses I wear it to the office | I bought it for a wedding in May | It is for walking the dog
@ uses My sister picked it out for me | I wanted something for the garden
@ uses I ordered my usual size
# fabric
+ is soft on the skin | breathes even in August | feels far more expensive than it was
+ keeps its colour wash after wash
- pills after two wears | scratches | is thin as tissue paper | crackles with static
- feels damp all day
= is a blend of cotton and something else | has a slight sheen | is of medium weight
# stitching
+ is neat and even | holds up to my two toddlers | is a work of love
- came undone on day one | is crooked | leaves loose threads everywhere
= is in a lighter tone | is doubled at the shoulders | runs along both sides
# fit
+ is spot on | flatters without pinching | leaves room for a big dinner
- is a lottery | is tight where it should be loose | suits nobody I know
= is straight | is on the loose side, as described | is the same as last year
# colour
+ is even lovelier than in the picture | suits every skin tone in the family | stays bright
- faded in a week | has nothing to do with the photo | rubs off on my neck
= is somewhere between grey and green | is called stone on the site | is the same inside and out
# collar
+ sits well all day | stays crisp without ironing | keeps the wind out
- curls up like a dry leaf | chafes | sags after an hour
= is round | can be worn up or down | has a small loop at the back
# sleeve length
+ is just right for my long arms | works rolled up and down | is perfect on the bike
- is a joke | would suit a child or a gorilla | differs from left to right
= is between elbow and wrist | is given on the tag | can be changed with a button
# hem
+ falls nicely | stays put when I bend down | is finished with care
- frays | rides up at every step | hangs lower on one side
= is a little longer at the back | has a slit on each side | is two fingers wide
# cut
+ is clever and comfortable | hides my belly kindly | is timeless
- makes me look like a fridge | was drawn by someone without shoulders | is all wrong at the waist
= is the classic one | is shorter than the older version | is meant for layering
# size chart
+ is right to the centimetre | saved me a return | is clear at last
- is pure fiction | led me two sizes astray | is of no help at all
= lists chest and waist | is on the second page | uses centimetres only
# price
+ is a bargain | is fair for this quality | was a nice surprise at the till
- is an insult for a rag like this | is for the label only | doubled overnight
= is the same in all sizes | is printed on the tag | was lower in the winter sale
"""

TOYS = """
@ nouns building set | marble run | train set | farm set | castle set | race track | pirate ship
@ nouns play kitchen | space station | garage set | wooden zoo | doll's house
@ faults falls apart when a child breathes near it | was boring after ten minutes
@ faults needs an engineer to put it together | has edges as sharp as a knife
@ faults ended in tears | plays one tune until you go mad | is mostly air and cardboard
@ virtues keeps both of them quiet for hours | has outlived three cousins
@ virtues brings out the best ideas in them | gets played with every single day
@ virtues wins over even grandad | is as tough as a tractor
@ facts is meant for children from four years | can be joined with other sets of the range
@ facts takes up about one square metre | is the smaller of two versions
@ facts comes without batteries | is sold in a flat carton
@ uses It was a present for my nephew's birthday | Our two girls share it
@ uses It lives in the nursery where I work | We bought it for rainy days
@ uses My godson is five | It was under the tree last winter
# number of pieces
+ is generous | leaves room for lots of ideas | kept them busy all weekend
- is two short | is far too small for the box | is a joke for this money
= is printed on the front | is about sixty | differs between the two versions
# paint
+ is bright and even | has survived a bath | looks lovely on the shelf
- flakes off in the mouth | smells like a garage | rubs off on the carpet
= is water-based, according to the leaflet | is red and yellow | has a matt look
# box
+ doubles as a tidy store | is sturdy enough to sit on | is half the fun
- arrived crushed | is three times too big | tore at the first opening
= shows the finished model | has a window on one side | is made of grey card
# assembly
+ took five happy minutes | is easy for small hands | was fun for the whole family
- cost us a whole evening and our patience | is impossible without glue | ended in a row
= needs an adult | takes about half an hour | follows twelve steps
# building plan
+ is clear even for my five-year-old | has fine big drawings | leaves nothing open
- skips the hardest step | belongs to another set | is a sheet of grey fog
= is a booklet without words | is folded in four | can be found online too
# wood
+ is smooth as butter | smells of forest | feels solid and warm
- splinters | cracked after a week | is as light as a matchbox and as weak
= is beech | is left plain on the inside | has a thin coat of wax
# sound effect
+ makes them giggle each time | is soft enough for parents | is a sweet touch
- cannot be switched off | rasps like a broken radio | scares the little one
= comes on when you press the roof | lasts three seconds | has two levels
# little door
+ opens and closes a hundred times a day | fits perfectly | is what they love most
- jams | fell off on the first morning | pinches small fingers
= is on the left | opens outwards | is green
# play value
+ is huge | grows with the child | is higher than I dared hope
- is close to nil | wears off by teatime | is all in the advert
= depends on the child | is rated by stars on the box | is hard to judge after a day
# price
+ is fair for such quality | is low for so much fun | was worth every coin
- is cheeky for a bit of plywood | is far beyond what it can do | still makes me angry
= is about that of similar sets | has not changed in years | does not include the extra figures
"""

SOFTWARE = """
@ nouns budgeting app | note-taking app | photo editor | calendar app | backup tool | music player
@ nouns file manager | video editor | task planner | recipe app | drawing program
@ faults crashes when I press save | logs me out twice a day | eats my data allowance
@ faults shows more adverts than content | lost a year of my work | turns my laptop into a heater
@ faults asks for a review every hour | breaks with every update | hides the exit
@ virtues opens before I can blink | has saved me hours each week | respects my privacy
@ virtues just gets out of the way | made sense even to my boss
@ virtues has never lost a single entry | runs well on my ancient laptop
@ facts runs on desktop and phone | asks for an account | is at version five now
@ facts is available in twelve languages | uses a monthly plan
@ facts replaces the older desktop version | stores its files in a local folder
@ uses I use it for my small bakery | Our club runs on it | I installed it on a work laptop
@ uses I switched to it in spring | The whole team got a licence
@ uses I mostly use it on the sofa in the evening
# start-up
+ takes a second | is quick even on my old machine | got faster with the last version
- takes longer than my coffee | hangs on a grey window | fails on every third try
= shows a logo first | loads the last file | can be set to happen at login
# sync
+ is instant | has never lost a thing | works across all my devices
- overwrites the newer file | is a week behind | stops without a word
= runs every ten minutes | can be paused | needs an account
# interface
+ is calm and clear | is a pleasure to look at | lets me find things blind
- is cluttered beyond belief | changes with each update | looks like a cockpit after a crash
= has three columns | is grey by default | follows the system colours
# search
+ finds even my typos | is lightning quick | turns up things I had given up on
- finds everything but what I need | freezes the window | ignores half of my files
= is in the upper corner | covers titles and text | opens with a shortcut
# latest update
+ fixed everything I had moaned about | is a big step forward | brought the feature I prayed for
- broke more than it fixed | wiped my settings | made it slower and uglier
= changed the icons | came out last week | is about eighty megabytes
# help section
+ is written by people who care | solved it in a minute | is full of good examples
- leads to an empty page | repeats the menu in other words | insults the reader
= opens in the browser | is sorted by topic | has a short video
# support team
+ answered within the hour | was kind and knew its stuff | went out of its way for me
- sent the same canned reply three times | never wrote back | blamed my laptop
= works on weekdays | can be reached through a form | asked for a log file
# subscription
+ pays for itself | is fairly priced | can be ended with one click, bravo
- renews behind your back | got dearer without notice | is a trap
= is billed once a year | covers five devices | starts after a month
# export
+ works like a charm | keeps every detail | opens cleanly everywhere
- drops half of the columns | produces garbage | is locked behind the dearest plan
= offers two formats | sits under the file menu | asks for a folder
# undo function
+ has saved my day more than once | goes back as far as I need | never fails
- forgets the one step that matters | undoes the wrong thing | makes it crash
= keeps fifty steps | has the usual shortcut | is shown as an arrow
"""

# Two-part names keep products apart. Invented on purpose: a real brand would make real claims.
NAME_FIRST = """Amber Autumn Birch Brass Cedar Clover Cobalt Copper Coral Crimson Dapple Dusk Ember
Fern Flint Frost Gable Glass Golden Granite Harbour Hazel Heather Hollow Indigo Ivory Juniper
Lantern Larch Linen Marble Meadow Mint Moss Opal Orchard Otter Pebble Pepper Pine Plover Quartz
Raven Reed River Rowan Russet Saffron Salt Sedge Silver Slate Sparrow Tansy Thistle Timber Umber
Velvet Walnut Willow Winter Wren Yarrow""".split()
NAME_SECOND = """arch bay beacon bell bridge brook canyon circle coast corner court creek crest dale
delta gate glen grove heath hill isle junction lake lane ledge loop march mill moor mount
path peak point pond port quay ridge road rock shore song spring square steps summit terrace tide
tower trail vale view walk water way wharf wood yard""".split()

# Who else was there, and where: a detail that the rows of one review share.
PEOPLE = """my aunt | my neighbour | my uncle | my flatmate | our landlady | my cousin | my brother
| my sister-in-law | our night porter | my choir leader | a retired colleague | my rowing coach
| my grandmother | our caretaker | our trainee | my chess partner | the twins next door
| my physiotherapist | our scout leader | my old teacher | a visiting student | my half-sister"""
PLACES = """on the houseboat | at the allotment | in our attic room | in the waiting room
| at the mountain hut | in the staff room | on the night ferry | at the village hall
| on the balcony | in the garden shed | at the campsite | in the old mill | at the sports club
| in a tiny guest room | in the caravan | at the lake | in the back room of the shop
| at the farm | in the conservatory | in the clubhouse
| at my parents' place | in the students' hostel | in the lighthouse museum | at the fair"""
DETAILS = """{who} and I talked about it {where} | {who} got to know it {where}
| {who} saw it {where} and asked about it | I showed it to {who} {where}
| {where} it met {who} for the first time | It was {who} who pointed it out to me {where}"""

ADJECTIVES = {
    "positive": """good great excellent superb lovely solid brilliant wonderful first-rate
delightful clever fine impressive splendid outstanding worthwhile charming satisfying terrific
likeable thoughtful pleasing marvellous dependable""".split(),
    "negative": """bad poor awful terrible dreadful shoddy useless disappointing hopeless dismal
lousy sloppy careless feeble miserable overpriced frustrating tiresome pointless clumsy second-rate
half-baked annoying dire""".split(),
    "neutral": """ordinary average standard plain typical middling run-of-the-mill unremarkable
conventional passable everyday so-so""".split(),
}
ADVERBS = "really truly rather quite honestly frankly surprisingly altogether simply".split()
# Long spans only: nothing the parts above are said to do may sound too early or too late.
DURATIONS = """six weeks | two months | ten weeks | three months | four months | five months
| half a year | seven months | eight months | nine months | most of a year"""
# Not every adjective suits every part ("a clumsy price"); these do.
PART_ADJECTIVES = {
    "positive": "good great excellent superb fine pleasing fantastic".split(),
    "negative": "bad poor awful terrible dreadful disappointing dire".split(),
    "neutral": "ordinary average standard unremarkable".split(),
}
PART_VERDICTS = {
    "positive": """is {pos} | is {adv} {pos} | is not {neg} at all | is anything but {neg}
| could hardly be better | is far from {neg} | is better than I thought | is {pos} for once""",
    "negative": """is {neg} | is {adv} {neg} | is not {pos} at all | is anything but {pos}
| could hardly be worse | is far from {pos} | is worse than I thought | is not what I call {pos}""",
    "neutral": """is {neu} | is {adv} {neu} | is neither {pos} nor {neg}
| is like that of most others
| could be better or worse | is {neu}, not {pos} | is much as I thought""",
}

# {noun} is the kind of product, {full} its name, {pos}/{neg}/{neu} an adjective, {dur} a time span.
VERDICTS = {
    "positive": """I would buy it again | I'd get this {noun} again tomorrow | I am keeping it
| It is staying with us | Five stars from me | I recommend it to anyone | Money well spent
| All in all a {pos} {noun} | I am {adv} happy with the {noun} | I have no regrets
| It is the best {noun} I have had in years | I was sceptical and I was wrong
| On balance I am glad I chose the {full} | It did more than I asked of it
| I have already talked two friends into it | In the end the good side wins
| You could do a lot worse | I can't think of anything to complain about
| It beats my last {noun} by a mile | You will not be sorry | It is hard to fault
| I did not expect much and got a {pos} {noun} | There is nothing bad to say about it
| I can live with the odd flaw, it is a {pos} {noun} | No reason at all to give it up""",
    "negative": """I would not buy it again | I'd warn anyone off this {noun} | I want rid of it
| I want my money back | One star, and that is generous | I can't recommend it
| Money down the drain | All in all a {neg} {noun} | I am {adv} fed up with the {noun}
| I regret the purchase | It is the worst {noun} I have had in years
| I was hopeful and I was wrong | On balance I wish I had left the {full} alone
| It did less than I asked of it | I have already looked for a replacement
| In the end the bad side wins | You could do a lot better | I can't think of anything to praise
| My last {noun} beats it by a mile | You will be sorry | It is hard to like
| I expected a lot and got a {neg} {noun} | There is nothing good to say about it
| The odd bright spot does not save it, it is a {neg} {noun} | No reason at all to keep it""",
    "neutral": """I might buy it again, or I might not | I have not made up my mind
| It is what it is
| Three stars from me | It depends on what you need | Neither good nor bad
| All in all a {neu} {noun} | I am neither happy nor unhappy with the {noun}
| No strong feelings either way | It is about as good as any {noun} I have had
| I expected a {neu} {noun} and got one | On balance the {full} is fine, no more and no less
| It did what I asked of it | I will add to this review in a few months
| In the end the good and the bad cancel out | You could do better, you could do worse
| There is little to praise and little to complain about | It is on a par with my last {noun}
| Some will love it, some will hate it | Too early to say whether it is {pos} or {neg}
| I would wait for the next sale | Ask me again after the winter""",
}

# A clause is turned round or put into someone else's mouth: single words no longer tell the label.
FLIPS = {
    "negative": """I can't say that {clause} | Nobody could claim that {clause}
| I was told that {clause}; it is not so | If only it were true that {clause}
| I would not say that {clause} | Don't believe that {clause} | They say {clause}. Not in my case
| So {clause}? I beg to differ | I wish I could report that {clause}""",
    "positive": """It is simply not true that {clause}
| I can't confirm that {clause}, quite the reverse
| I feared that {clause}, but no | Nobody could say that {clause} | I was told that {clause}; wrong
| They say {clause}. Not in my case | So {clause}? I beg to differ | Don't believe that {clause}
| I never had the problem that {clause}""",
}
HEARSAY = {
    "positive": """The advert says that {clause} | I read that {clause}; can't judge yet
| My neighbour finds that {clause}, I can't tell | Does anyone else find that {clause}?
| Some reviews say that {clause}, others deny it | I can't tell yet whether {clause}
| I am curious whether {clause} | The shop told me that {clause}; we shall see""",
    "negative": """Somebody wrote that {clause} | I read that {clause}; can't judge yet
| My neighbour finds that {clause}, I can't tell | Does anyone else find that {clause}?
| Some reviews say that {clause}, others deny it | I can't tell yet whether {clause}
| I wonder if it is true that {clause} | A friend told me that {clause}; we shall see""",
}
SHORT = {
    "positive": """A {adv} {pos} {noun}. | {pos}, {adv} {pos}. | Not {neg} at all.
| Not a {neg} {noun} by any means. | I would not call this {noun} {neg}. | Far from {neg}.
| My last {noun} was {neg}, this one is {pos}. | From {neg} to {pos} with one purchase.
| Better than my last {noun}. | Finally a {noun} that {virtue}. | A {noun} that {virtue}.
| Could not be more {pos}. | Anything but {neg}, this {noun}. | It {virtue}, what more do I want?
| No idea why people call it {neg}. | So much for the {neg} reviews. | Hardly a fault to be found.
| I take back every {neg} word. | {pos} {noun}, whatever others say.""",
    "negative": """A {adv} {neg} {noun}. | {neg}, {adv} {neg}. | Not {pos} at all.
| Not a {pos} {noun} by any means. | I would not call this {noun} {pos}. | Far from {pos}.
| My last {noun} was {pos}, this one is {neg}. | From {pos} to {neg} with one purchase.
| Worse than my last {noun}. | Oh great, another {noun} that {fault}. | A {noun} that {fault}.
| Could not be more {neg}. | Anything but {pos}, this {noun}. | Lovely, it {fault}.
| No idea why people call it {pos}. | So much for the {pos} reviews. | Hardly a virtue to be found.
| Just what I needed: a {noun} that {fault}. | {pos} idea, {neg} {noun}. | Well done, it {fault}.
| Wonderful, my {noun} {fault}.""",
    "neutral": """A {adv} {neu} {noun}. | {neu}, {adv} {neu}. | Not {pos}, not {neg}.
| Neither a {pos} nor a {neg} {noun}. | I would call this {noun} {neu}. | It {fact}.
| My last {noun} was {neu}, and so is this one. | The {noun} {fact}. | The {full} {fact}.
| Much like my last {noun}. | Is it true that it {fault}? | Some call it {pos}, some {neg}.
| {pos} in some ways, {neg} in others. | Can't say yet if it is {pos} or {neg}.
| The advert says {pos}. We shall see. | Bought after a {pos} and a {neg} review.
| I had a {neg} {noun} before. Too early to judge. | The {noun} {fact}, that is all.""",
}
# Whole-product remarks; the negative ones praise with the words and mean the opposite.
ASIDES = {
    "positive": "it {virtue} | finally I own a {noun} that {virtue} | what can I say, it {virtue}",
    "neutral": "it {fact} | the {noun} {fact} | for the record, it {fact}",
    "negative": """Oh great, another {noun} that {fault}
| Just what everyone dreams of, a {noun} that {fault}
| What a {pos} idea: a {noun} that {fault}
| Congratulations to whoever thought we want a {noun} that {fault}
| If you love a {noun} that {fault}, this is the {pos} choice
| I had always wished for a {noun} that {fault}. Wish granted""",
}
COMPARISONS = {
    "positive": """My previous {noun} was {neg}, this one is a {pos} step up
| After two {neg} ones I finally own a {pos} {noun} | I sent back a {neg} rival and kept the {full}
| Compared with the {neg} {noun} I had before, the {full} is {pos}""",
    "negative": """My previous {noun} was {pos}, this one is a {neg} step down
| After two {pos} ones I now own a {neg} {noun} | I gave away a {pos} older one for the {full}, alas
| Compared with the {pos} {noun} I had before, the {full} is {neg}""",
    "neutral": """My previous {noun} was {pos} at first and {neg} later, so I will wait
| I have had {pos} ones and {neg} ones, this {noun} lies in between
| Next to the {neu} {noun} I had before, the {full} shows little change
| Side by side with a {pos} and a {neg} rival, the {full} came out second""",
}
CONTRASTS = """{a}, but {b} | {a}; on the other hand, {b} | although {a}, {b} | {a}, yet {b}
| {a}. Still, {b} | while {a}, {b} | {a}. Then again, {b}"""
BALANCES = """on the one hand {a}, on the other {b} | {a}, {b}: a draw
| {a} and {b}, so it evens out
| {a}; {b}; I can't decide | {a}, {b}, so I am torn | {a} while {b}, make of that what you will"""
JOINS = """{a} and {b} | {a}; {b} | {a}, and {b} | {a}. Also, {b} | {a}. What is more, {b}
| {a}. Besides, {b}"""
OPENERS = """After {dur}, | After {dur} of use, | Now that I have had it for {dur}, | By now,
| To be fair,"""
TIMELESS_OPENERS = "So far, | To be fair, | In my case, | At first glance,"
INTROS = """I have had the {full} for {dur} now | The {full} came to us {dur} ago
| This is about the {full} | We chose the {full} over two others
| I got the {full} in the spring sale
| I have spent {dur} with the {full} | A friend talked me into the {full}
| The {full} was the third one I tried this year"""


@dataclass
class Domain:
    name: str
    lists: dict[str, list[str]] = field(default_factory=dict)
    parts: dict[str, dict[str, list[str]]] = field(default_factory=dict)


def parts_of(text: str) -> list[str]:
    """The phrases of a list in one of the blocks above."""
    return [" ".join(part.split()) for part in text.split("|")]


def lower_first(text: str) -> str:
    return text if re.match(r"I\b", text) else text[:1].lower() + text[1:]


def fix_articles(text: str) -> str:
    """Phrases are filled with "a" throughout; make it "an" where English wants that."""
    return re.sub(r"\b([Aa]) (?=[aeio]|u(?!s|ni)|honest)(?!one\b)", r"\1n ", text)


def with_typo(rng: random.Random, text: str) -> str:
    words = text.split(" ")
    # Short words are left alone: a typo in "not" or "but" would leave no trace of the meaning.
    places = [i for i, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not places:
        return text
    place = rng.choice(places)
    word = words[place]
    spot = rng.randrange(1, len(word) - 2)
    first, second = word[spot], word[spot + 1]
    slip = rng.choice([second + first, second, first + first + second])
    words[place] = word[:spot] + slip + word[spot + 2:]
    return " ".join(words)


def read_domain(name: str, text: str) -> Domain:
    domain, part = Domain(name), ""
    for line in text.strip().splitlines():
        sign, rest = line[0], line[2:]
        if sign == "@":
            key, _, rest = rest.partition(" ")
            domain.lists.setdefault(key, []).extend(parts_of(rest))
        elif sign == "#":
            part = rest
            domain.parts[part] = {label: [] for label in SIGNS.values()}
        else:
            domain.parts[part][SIGNS[sign]].extend(parts_of(rest))
    return domain


DOMAINS = [
    read_domain("electronics", ELECTRONICS),
    read_domain("kitchen", KITCHEN),
    read_domain("books", BOOKS),
    read_domain("clothing", CLOTHING),
    read_domain("toys", TOYS),
    read_domain("software", SOFTWARE),
]
