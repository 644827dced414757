"""emulator.py - runs a memory image in QEMU until the kernel says that it stands still, and saves the
physical memory.  Instruction counting makes the run the same every time."""
import json, os, socket, subprocess, tempfile, time


class Monitor:
    """QEMU's machine protocol (QMP) on a unix socket."""
    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        for _ in range(100):
            try:
                self.s.connect(path)
                break
            except OSError:
                time.sleep(0.05)
        self.f = self.s.makefile('rw')
        self.f.readline()
        self.do('qmp_capabilities')

    def do(self, command, **arguments):
        self.f.write(json.dumps({'execute': command, 'arguments': arguments}) + '\n')
        self.f.flush()
        while True:
            answer = json.loads(self.f.readline())
            if 'return' in answer:
                return answer['return']
            if 'error' in answer:
                raise SystemExit(f'{command}: {answer["error"]["desc"]}')

    def human(self, line, cpu=0):
        return self.do('human-monitor-command', **{'command-line': line, 'cpu-index': cpu})


def run(arch, boot, memory, base, size, addresses, seconds=60):
    """-> (physical memory, lines of the debug port, registers text per CPU, {va: pa} by QEMU's own walk)"""
    with tempfile.TemporaryDirectory() as work:
        image, port, sock, raw = (os.path.join(work, n) for n in ('image', 'port', 'qmp', 'raw'))
        open(image, 'wb').write(memory)
        qemu = subprocess.Popen(
            ['qemu-system-' + arch, '-M', 'pc', '-m', '16', '-smp', '2', '-cpu', 'qemu64' if arch == 'x86_64' else 'pentium3,+apic',
             '-accel', 'tcg,thread=single', '-icount', 'shift=0,sleep=off', '-rtc', 'base=2007-02-17T09:00:00,clock=vm', '-display', 'none',
             '-serial', 'null', '-debugcon', 'file:' + port, '-qmp', f'unix:{sock},server=on,wait=off', '-no-reboot',
             '-no-shutdown', '-kernel', boot, '-device', f'loader,file={image},addr={base:#x},force-raw=on'])
        try:
            monitor, end = Monitor(sock), time.time() + seconds
            text = ''
            while '"is":"end"' not in text:
                time.sleep(0.2)
                text = open(port).read() if os.path.exists(port) else ''
                if time.time() > end or qemu.poll() is not None:
                    print(*(monitor.human('info registers', c)[:900] for c in (0, 1)), sep='\n')
                    raise SystemExit('the kernel did not come to its end:\n' + text)
            monitor.do('stop')
            registers = [monitor.human('info registers', c) for c in (0, 1)]
            found = {}
            for va in addresses:
                answer = monitor.human(f'gva2gpa {va:#x}')
                if 'gpa:' in answer:
                    found[va] = int(answer.split('gpa:')[1].strip(), 16)
            monitor.do('pmemsave', val=0, size=size, filename=raw)
            return open(raw, 'rb').read(), text.splitlines(), registers, found
        finally:
            qemu.kill()
            qemu.wait()
