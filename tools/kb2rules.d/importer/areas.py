"""Which folder of signatures/ a module belongs to, and what kind of module it is."""

import re

# First match wins.  Patterns are matched against the whole base name.
AREAS = [
    ("kernel", r"nt"),
    ("hal", r"hal.*\.dll"),
    ("netbt", r"(netbt|nbt)\.sys"),
    ("dfs", r"(mup|dfs.*)\.(sys|exe|dll)"),
    ("afd", r"(afd|msafd|wsock32|ws2_32|ws2help|mswsock|winsock|tdx|rio).*\.(sys|dll)"),
    ("ras", r"(ras|ndiswan|raspptp|rasl2tp|asyncmac|wanarp|ipnat|mprouter|rtm|ddm|ppp|rasphone)"
            r".*\.(sys|exe|dll)"),
    ("tcpip", r"(tcpip6?|tdi|ipfltdrv|ipsec|wlbs|netio|fwpkclnt|http)\.sys"),
    ("transports", r"(nbf|dlc|isotp|streams|nwlnk.*|ipx.*|tcarc)\.sys"),
    ("ndis", r"ndis\.sys"),
    ("rdr", r"(rdr|mrxsmb.*|rdbss|mrxdav|wkssvc|browser)\.(sys|dll)"),
    ("srv", r"(srv|srv2|srvnet|srvsvc|xactsrv)\.(sys|dll)"),
    ("sfm", r"sfm.*\.(sys|exe|dll)"),
    ("netware", r"(nw.*|fpnw.*|gsnw.*|csnw.*)\.(sys|exe|dll)"),
    ("pipes", r"(npfs|msfs)\.sys"),
    ("ntfs", r"(ntfs|untfs)\.(sys|dll)"),
    ("file-systems", r"(fastfat|cdfs|udfs|fs_rec|ufat|ulib|autochk|rdpdr|nfs.*|cacls|dfsr)"
                     r".*\.(sys|exe|dll)"),
    ("win32k", r"(win32k|user32|gdi32|winsrv|csrss|csrsrv|basesrv|atmfd)\.(sys|dll|exe)"),
    ("display", r"(videoprt|dxg.*|rdpdd|ati.*|s3.*|cirrus|vga|framebuf|8514|.*\.drv)"
                r"(\.(sys|dll|drv))?"),
    ("terminal-services", r"(term.*|rdpwd|tdtcp|tdpipe|icaapi|wsx.*|rdp.*|lserver|ts.*|mstsc|cdm)"
                          r"\.(sys|exe|dll)"),
    ("storage", r"(scsiport|atapi|disk|ftdisk|storport|class.*|aic.*|symc.*|cpqarray|cpq.*|mountmgr"
                r"|volsnap|partmgr|cdrom|mpio|msdsm|dmio|buslogic|aspi.*|elx.*|ibmsync|pciide.*"
                r"|flpydisk|sbp2port|iscsi.*|hdl.*|qafilter|dac960.*|poolext|megaraid|4mmdat|usbstor)"
                r"\.(sys|dll)"),
    ("usb", r"(usb.*|1394.*|sdbus|hid.*)\.sys"),
    ("print", r"(spool.*|localspl|win32spl|winprint|localmon|printui|lprmon|tcpmon|hpmon|prtprocs"
              r"|rasdd|pscript|winvprt|inetpp)\.(exe|dll|sys)"),
    ("input", r"(i8042prt|kbd.*|mou.*|kbstuff|sermouse)\.(sys|dll)"),
    ("ports", r"(serial|parport|parallel|parvdm|digi.*|c320.*|modem)\.(sys|dll)"),
    ("cluster", r"(clus.*|resrcmon)\.(sys|exe|dll)"),
    ("security", r"(lsass|lsasrv|msv1_0|ksecdd|kerberos|netlogon|samsrv|security|schannel|crypt.*"
                 r"|secur32|msapsspc|audit.*)\.(exe|dll|sys)"),
    ("logon", r"(winlogon|msgina|gina|userinit|logonui|fpnwclnt|nddeagnt)\.(exe|dll)"),
    ("names", r"(dns.*|wins.*|dhcp.*|tcpsvcs|nbtstat)\.(exe|dll|sys)"),
    ("services", r"(services|svchost|eventlog|umpnpmgr|screg|scm|snmp.*|inetmib|wbem.*|winmgmt)"
                 r"\.(exe|dll)"),
    ("exchange", r"(store|mad|emsmta|emsmdb32|dsamain|msexc.*|edb|ese|exch.*|mapi.*|jet|isinteg"
                 r"|lsm.*|lscc.*|lsv.*|lsd.*|lsp.*|lscps|wnap|mailmig|srvrmax|admin|gwart.*|ccmc|mt.*"
                 r"|imail|outlook|mssfs|emsabp32|reapi|cdo|mlmig32|newprof)\.(exe|dll)"),
    ("sna", r"(sna.*|wappc32|wcpic32|winsli32|tn3.*|tn5250|luastr32|idis.*|ddmserv|msrpc.*|mngcli"
            r"|snmgr|datdupc.*)\.(exe|dll)"),
    ("sms", r"(sms.*|wuser.*|pollinv|remctrl|ldwmnt|.*9x|bhnt|nmnt|netmon|bhnetb|nm.*)"
            r"\.(exe|dll|sys)"),
    ("iis", r"(inetinfo|w3svc|infocomm|asp|ftpsvc2|gopherd|iis.*|inet.*|mailmsg|smtpsvc|nntpsvc"
            r"|proxy.*|wspsrv|w3proxy|dllhost|mtx|msxml.*)\.(exe|dll)"),
    ("rpc", r"(rpc.*|ole.*|comctl32|comsvcs|dcom.*)\.(exe|dll)"),
    ("shell", r"(explorer|shell32|shdocvw|browseui|taskmgr|winfile|progman|mmc|regedt32|musrmgr"
              r"|winmsd|control)\.(exe|dll)"),
    ("system-libraries", r"(ntdll|kernel32|advapi32|msvcrt.*|mfc.*|msvcirt|netapi32|wow32|ntvdm"
                         r"|krnl386)\.(exe|dll)"),
]
AREAS = [(area, re.compile(pattern)) for area, pattern in AREAS]

# Drivers of every machine, or of most: that one of them is loaded says nothing.
COMMON = {"nt", "hal.dll", "ntfs.sys", "fastfat.sys", "win32k.sys", "tcpip.sys", "netbt.sys",
          "afd.sys", "ndis.sys", "rdr.sys", "srv.sys", "npfs.sys", "msfs.sys", "mup.sys",
          "scsiport.sys", "atapi.sys", "disk.sys", "i8042prt.sys", "videoprt.sys", "ftdisk.sys",
          "tdi.sys", "mrxsmb.sys", "rdbss.sys", "storport.sys", "usbport.sys", "usbhub.sys",
          "ksecdd.sys", "fs_rec.sys", "cdfs.sys", "class.sys", "classpnp.sys", "volsnap.sys",
          "mountmgr.sys", "partmgr.sys", "pci.sys", "ndiswan.sys", "nbf.sys", "serial.sys",
          "kbdclass.sys", "cdrom.sys", "netio.sys", "http.sys", "srv2.sys", "srvnet.sys", "tdx.sys",
          "ntdll.dll", "kernel32.dll", "user32.dll", "gdi32.dll", "winsrv.dll", "winlogon.exe",
          "services.exe", "lsass.exe", "csrss.exe", "dxgkrnl.sys", "rasacd.sys", "usbuhci.sys"}
# Kernel drivers that are no .sys.
KERNEL_LIBRARIES = re.compile(r"^(hal.*|ati|nm2200dp|rdpdd|atmfd|framebuf|s3.*|mga.*|8514.*)\.(dll|drv)$")
# Libraries that many programs share: a frame in them alone names nobody.
SHARED = {"ntdll", "kernel32", "kernelbase", "rpcrt4", "msvcrt", "msvcrt40", "user32", "advapi32",
          "ole32", "oleaut32", "gdi32", "ws2_32", "mfc40", "mfc42", "msvcirt", "nt", "hal"}


def area_of(modules, codes=(), user=False):
    for module in modules:
        for area, pattern in AREAS:
            if pattern.fullmatch(module):
                return area
    for module in modules:
        if module.endswith(".sys") or KERNEL_LIBRARIES.match(module):
            return "other-drivers"
    if modules or user:
        return "programs"
    return "kernel" if codes else "other"


def in_kernel(module):
    return module == "nt" or module.endswith(".sys") or bool(KERNEL_LIBRARIES.match(module))


def is_common(module):
    return module in COMMON


def stem(module):
    return module if module == "nt" else module.rsplit(".", 1)[0]
