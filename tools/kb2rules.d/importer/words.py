"""Our own words for facts: titles, descriptions, workarounds.  No sentence of an article is used."""

import re

CAUSES = {
    "null_or_invalid_pointer": "a null or invalid pointer is followed",
    "race": "a race between threads or processors",
    "overflow": "a buffer or counter overflows",
    "leak": "memory or another resource leaks away",
    "memory_corruption": "memory is damaged",
    "deadlock": "threads wait for each other",
    "third_party": "another vendor's component is involved",
    "malformed_packet": "malformed network data is taken for good",
    "double_free": "something is freed or completed twice",
    "refcount": "a reference count goes wrong",
    "use_after_free": "an object is used after it was freed",
    "infinite_loop": "code loops without end",
    "wrong_irql": "pageable memory or a routine is used at the wrong IRQL",
    "stack_overflow": "the kernel stack runs out",
    "hardware": "hardware or firmware misbehaves",
    "config": "configuration brings it on",
    "verifier": "Driver Verifier reports a broken rule",
}
# The most telling class first.
CAUSE_ORDER = ["double_free", "use_after_free", "deadlock", "stack_overflow", "wrong_irql", "refcount",
               "overflow", "malformed_packet", "infinite_loop", "race", "leak", "memory_corruption",
               "null_or_invalid_pointer", "verifier", "hardware", "third_party", "config"]

NAMES = {
    0x0A: "IRQL_NOT_LESS_OR_EQUAL", 0x18: "REFERENCE_BY_POINTER", 0x19: "BAD_POOL_HEADER",
    0x1A: "MEMORY_MANAGEMENT", 0x1E: "KMODE_EXCEPTION_NOT_HANDLED", 0x23: "FAT_FILE_SYSTEM",
    0x24: "NTFS_FILE_SYSTEM", 0x2E: "DATA_BUS_ERROR", 0x3F: "NO_MORE_SYSTEM_PTES",
    0x41: "MUST_SUCCEED_POOL_EMPTY", 0x44: "MULTIPLE_IRP_COMPLETE_REQUESTS",
    0x48: "CANCEL_STATE_IN_COMPLETED_IRP", 0x4E: "PFN_LIST_CORRUPT",
    0x50: "PAGE_FAULT_IN_NONPAGED_AREA", 0x6B: "PROCESS1_INITIALIZATION_FAILED",
    0x77: "KERNEL_STACK_INPAGE_ERROR", 0x7A: "KERNEL_DATA_INPAGE_ERROR",
    0x7B: "INACCESSIBLE_BOOT_DEVICE", 0x7E: "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED",
    0x7F: "UNEXPECTED_KERNEL_MODE_TRAP", 0x8E: "KERNEL_MODE_EXCEPTION_NOT_HANDLED",
    0x93: "INVALID_KERNEL_HANDLE", 0x9C: "MACHINE_CHECK_EXCEPTION", 0x9F: "DRIVER_POWER_STATE_FAILURE",
    0xAB: "SESSION_HAS_VALID_POOL_ON_EXIT", 0xC2: "BAD_POOL_CALLER",
    0xC4: "DRIVER_VERIFIER_DETECTED_VIOLATION", 0xC5: "DRIVER_CORRUPTED_EXPOOL",
    0xD1: "DRIVER_IRQL_NOT_LESS_OR_EQUAL", 0xF4: "CRITICAL_OBJECT_TERMINATION",
    0xC000021A: "STATUS_SYSTEM_PROCESS_TERMINATED", 0xC0000221: "STATUS_IMAGE_CHECKSUM_MISMATCH",
    0xC0000143: "STATUS_MISSING_SYSTEMFILE", 0xC0000142: "STATUS_DLL_INIT_FAILED",
}
SYSTEMS = {"nt3.1": "Windows NT 3.1", "nt3.5": "Windows NT 3.5", "nt3.51": "Windows NT 3.51",
           "nt4": "Windows NT 4.0", "2000": "Windows 2000", "xp": "Windows XP",
           "xp64": "Windows XP x64", "ws2003": "Windows Server 2003", "vista": "Windows Vista",
           "ws2008": "Windows Server 2008", "win7": "Windows 7", "ws2008r2": "Windows Server 2008 R2",
           "win8": "Windows 8", "ws2012": "Windows Server 2012"}

# Phrases of the facts' `workaround` field that are whole and say something; the rest is cut-off text
# and is left out.
WORKAROUNDS = {
    "reinstall component": "Install the component again",
    "contact the vendor": "Ask the vendor of the component for a corrected version",
    "restart": "Restart the machine or the service",
    "avoid the triggering operation": "Avoid the operation that brings it on",
    "use newer driver, firmware or version": "Use a newer driver, firmware or program version",
    "edit registry": "Change the registry value that the article names",
    "boot a parallel installation and repair": "Repair it from a parallel installation",
    "run emergency repair": "Run the emergency repair",
    "use another protocol, adapter or driver": "Use another protocol, adapter or driver",
    "run on one processor": "Run the machine on one processor",
    "other manual procedure": "Follow the manual procedure that the article gives",
    "change default printer": "Choose another default printer",
    "change file system or volume layout": "Change the file system or the layout of the volume",
}


def code_word(code):
    return f"0x{code:X}"


def cause_of(article):
    for name in CAUSE_ORDER:
        if name in article.classes:
            return name
    return ""


def join(words, last="and"):
    words = list(words)
    if len(words) < 2:
        return "".join(words)
    return ", ".join(words[:-1]) + f" {last} " + words[-1]


def module_word(module):
    return "the kernel" if module == "nt" else module


def place_word(rule):
    if rule.function:
        return rule.function.replace("nt!", "")
    return ""


def title(article, rule):
    where = join([module_word(m) for m in rule.where[:2]], "or")
    cause = CAUSES.get(cause_of(article), "")
    detail = place_word(rule)
    if rule.kind == "user":
        text = f"{where or 'A program'} ends with an exception" + (f" in {detail}" if detail else "")
    elif rule.kind == "hang":
        text = ("Hang" if not where else f"Hang with threads held up in {where}")
    elif article.codes:
        codes = join([code_word(c) for c in article.codes[:3]], "or")
        text = f"Stop {codes}" + (f" in {detail or where}" if where else "")
    else:
        text = f"Stop in {detail or where}"
    return text + (f": {cause}" if cause else "")


def systems_of(article):
    found = []
    for family, terminal, _, packs in article.os:
        word = SYSTEMS.get(family, family) + (" Terminal Server Edition" if terminal else "")
        word += " " + "/".join(packs) if packs else ""
        if word not in found:
            found.append(word)
    return found


def about(article, rule):
    where = join([module_word(m) for m in rule.where[:3]], "or")
    if rule.kind == "user":
        what = f"A program's exception, tied to {where}" if where else "A program's exception"
    elif rule.kind == "hang":
        what = f"The machine, or a service, hangs; the article ties it to {where}" if where else "A hang"
    else:
        codes = [f"{code_word(c)} {NAMES[c]}" if c in NAMES else code_word(c)
                 for c in article.codes[:4]]
        what = "Stop " + join(codes, "or") if codes else "A stop whose code the article does not print"
        if where:
            what += f", tied to {where}"
    sentences = [what + "."]
    cause = CAUSES.get(cause_of(article), "")
    if cause:
        sentences.append(f"What goes wrong: {cause}.")
    systems = systems_of(article)
    if systems:
        sentences.append(f"Published for {join(systems)}.")
    return " ".join(sentences)


def workaround(article, has_fix):
    known = [WORKAROUNDS[p.strip()] for p in article.workaround.split(";")
             if p.strip() in WORKAROUNDS]
    if article.workaround and not known and article.form == "modern":
        # Written by hand for that file, in words that are nobody's.
        known = [article.workaround[0].upper() + article.workaround[1:]]
    known = [k for i, k in enumerate(known) if k not in known[:i]]
    upgrades = [f"{p} {'' if s == 'RTM' else 'SP' + s}".strip() for p, s in article.service_packs
                if s == "RTM"]
    if upgrades:
        known.append("The fix came with " + join(
            ["Windows " + re.sub(r" *RTM$", "", u) for u in upgrades]))
    if known:
        return ". ".join(known) + "."
    if has_fix:
        return ""
    return "No fix is published with these facts; the article itself may say what helps."
