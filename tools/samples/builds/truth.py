"""What a stack is worth, judged by the truth the program noted itself (tools/samples/user/shadow.h)."""
import json
import pathlib
import re
import struct

OWN_IMAGES = ("crash.exe", "crashlib.dll")
KEPT = 64  # SHADOW_MAX: how many of the innermost frames the truth keeps

# The call on the way to the failure, per function: the text that stands on its line.
CALLS = {
    "LibLeaf": "cb(s, depth, big)",
    "LibVariable": "LibLeaf(s, cb,",
    "LibDispatch": "LibVariable(s, cb,",
    "Crasher": "LibDispatch(s, f,",
    "ThreadCrash": "Crasher(&g_s[0]",
    "ThreadLockAB": "LockBoth(&g_s[1]",
    "ThreadLockBA": "LockBoth(&g_s[2]",
    "Overflow": "Overflow(s, depth + 1, pad)",
}


def call_lines(sources):
    """{function: (file, line)} of the calls above."""
    lines = {}
    for source in sources:
        for number, text in enumerate(pathlib.Path(source).read_text().splitlines(), 1):
            for function, call in CALLS.items():
                if call in text:
                    lines[function] = (pathlib.Path(source).name, number)
    return lines


def image_size(path):
    """SizeOfImage of a PE file."""
    head = pathlib.Path(path).read_bytes()[:4096]
    pe = struct.unpack_from("<I", head, 60)[0]
    return struct.unpack_from("<I", head, pe + 80)[0]


class Frame:
    """One frame of somebody's stack; sp, function, line as far as that somebody says them."""

    def __init__(self, pc, sp=None, sure=True, function="", file="", line=0):
        self.pc, self.sp, self.sure = pc, sp, sure
        self.function, self.file, self.line = function, file, line


class Truth:
    """The noted frames of every thread of one dump."""

    def __init__(self, path, images):
        noted = json.loads(pathlib.Path(path).read_text())
        self.word = 8 if int(noted["modules"]["kernel32.dll"], 16) > 0xFFFFFFFF or is_64(images) else 4
        self.threads = {}
        for thread in noted["threads"]:
            frames = [(f["func"], int(f["ret"], 16), int(f["slot"], 16) + self.word) for f in thread["frames_inner_first"]]
            self.threads[thread["tid"]] = frames
        self.own = []
        for name in OWN_IMAGES:
            base = int(noted["modules"][name], 16)
            self.own.append((base, base + image_size(pathlib.Path(images) / name)))

    def is_own(self, address):
        return any(low <= address < high for low, high in self.own)


def is_64(images):
    head = (pathlib.Path(images) / "crash.exe").read_bytes()[:4096]
    return struct.unpack_from("<H", head, struct.unpack_from("<I", head, 60)[0] + 4)[0] == 0x8664


def plain(name):
    """A function's name without what linkers and gcc's clones add: _ThreadCrash@4, LockBoth.constprop.0"""
    name = re.sub(r"(\.(constprop|isra|part|cold)(\.\d+)?)+$", "", name)
    return re.sub(r"@\d+$", "", name).lstrip("_")


class Score:
    FIELDS = ("true", "sure", "guess", "wrong", "named", "misnamed", "lined", "mislined", "whole", "threads")

    def __init__(self):
        for field in self.FIELDS:
            setattr(self, field, 0)

    def add(self, other):
        for field in self.FIELDS:
            setattr(self, field, getattr(self, field) + getattr(other, field))

    @property
    def missed(self):
        return self.true - self.sure - self.guess


def judge(stack, frames, truth, lines=None, gaps=False):
    """`stack`: what was shown, `frames`: what is true.  A true frame counts when it stands in order; it
    is wrong to show, as sure, anything else between two true frames, or before the first and behind the
    last a frame of the program's own images that is none.  Guesses may leave true frames out, and with
    `gaps` (for debuggers that tell no guesses) every frame may."""
    score = Score()
    score.true, score.threads = len(frames), 1
    at = 0
    inner = bool(stack) and truth.is_own(stack[0].pc)
    for index, frame in enumerate(stack):
        if at == len(frames):
            score.wrong += frame.sure and len(frames) < KEPT and truth.is_own(frame.pc)
            continue
        if same(frame, frames[at]):
            at += 1
            score.sure += frame.sure
            score.guess += not frame.sure
            judge_name(score, frame, frames, at, lines)
            continue
        skipped = None
        if gaps or not frame.sure:
            skipped = next((k for k in range(at + 1, len(frames)) if same(frame, frames[k])), None)
        if skipped is not None:
            at = skipped + 1
            score.sure += frame.sure
            score.guess += not frame.sure
            judge_name(score, frame, frames, at, lines)
            continue
        if index == 0 or not frame.sure or (at == 0 and same(frame, not_noted_yet(frames))):
            continue
        if at == 0 and not inner and truth.is_own(frame.pc):  # the innermost noted function itself
            inner = True
            score.misnamed += bool(frame.function) and plain(frame.function) != frames[0][0]
        else:
            score.wrong += at > 0 or truth.is_own(frame.pc)
    score.whole = score.sure == score.true and not score.wrong
    return score


def same(frame, true):
    return frame.pc == true[1] and frame.sp in (None, true[2])


def not_noted_yet(frames):
    """Where a recursive function stopped on its way in, before it could note itself, its return address
    is that of the calls around it, one frame further."""
    if len(frames) < 2 or frames[0][1] != frames[1][1]:
        return ("", -1, -1)
    return (frames[0][0], frames[0][1], 2 * frames[0][2] - frames[1][2])


def judge_name(score, frame, frames, at, lines):
    """The frame that called frames[at - 1] is a frame of the function frames[at]."""
    if at == len(frames):
        return
    function = frames[at][0]
    if frame.function:
        right = plain(frame.function) == function
        score.named += right
        score.misnamed += not right
    if lines and frame.line:
        right = (pathlib.PurePath(frame.file.replace("\\", "/")).name, frame.line) == lines.get(function)
        score.lined += right
        score.mislined += not right
