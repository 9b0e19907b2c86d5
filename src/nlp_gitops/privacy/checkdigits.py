"""Numbers that carry their own check: is this run of digits a card, an account, a person's id?"""

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def luhn(text: str) -> bool:
    """Say whether the digits end in their own check digit, as card numbers do (ISO/IEC 7812)."""
    digits = _digits(text)
    doubled = [digit if index % 2 else (digit * 2 - 9 if digit > 4 else digit * 2)
               for index, digit in enumerate(reversed(digits), 1)]
    return sum(doubled) % 10 == 0


def iban(text: str) -> bool:
    """Say whether an account number has its check digits (ISO 13616: mod 97 is 1)."""
    plain = text.replace(" ", "").upper()
    moved = plain[4:] + plain[:4]
    return 15 <= len(plain) <= 34 and int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def social_security(text: str) -> bool:
    """Say whether a US number can have been issued (no 000, 666 or 9xx area, no zero groups)."""
    area, group, serial = text.split("-")
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def french(text: str) -> bool:
    """Say whether a French social security number has its key (97 minus the number mod 97)."""
    plain = text.replace(" ", "").upper().replace("2A", "19").replace("2B", "18")
    return plain.isdigit() and 97 - int(plain[:13]) % 97 == int(plain[13:])


def spanish(text: str) -> bool:
    """Say whether a Spanish DNI or NIE ends in its letter (the number mod 23)."""
    plain = text.upper().replace("-", "")
    number = plain[:-1].translate(str.maketrans("XYZ", "012"))
    return _DNI_LETTERS[int(number) % 23] == plain[-1]


def german(text: str) -> bool:
    """Say whether a German tax id has its check digit (ISO 7064 mod 11,10)."""
    digits = _digits(text)
    product = 10
    for digit in digits[:-1]:
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    return digits[0] != 0 and (11 - product) % 10 == digits[-1]


def brazilian(text: str) -> bool:
    """Say whether a CPF has both of its check digits (weights 10 to 2 and 11 to 2, mod 11)."""
    digits = _digits(text)
    if len(set(digits)) == 1:
        return False
    return all(sum(digit * (length + 1 - index) for index, digit in enumerate(digits[:length]))
               * 10 % 11 % 10 == digits[length] for length in (9, 10))


def dutch(text: str) -> bool:
    """Say whether a BSN passes the eleven test (weights 9 to 2 and -1)."""
    digits = _digits(text)
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    total = sum(weight * digit for weight, digit in zip(weights, digits, strict=True))
    return total % 11 == 0 and any(digits)


def polish(text: str) -> bool:
    """Say whether a PESEL has its check digit (weights 1 3 7 9, mod 10)."""
    digits = _digits(text)
    total = sum(weight * digit for weight, digit in zip((1, 3, 7, 9) * 3, digits[:10]))
    return (10 - total % 10) % 10 == digits[10]


def _digits(text: str) -> list[int]:
    # int() also reads the digits of other scripts.
    return [int(char) for char in text if char.isdecimal()]
