"""The look of all pages: ink on paper, tables that scroll, dark when the reader's screen is."""

STYLE = """
:root{--paper:#fff;--ink:#24241f;--soft:#62625e;--line:#d6d5d0;--own:#eef3f8}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1120px;margin:0 auto;padding:32px 20px 80px}
h1{font-size:28px;margin:.1em 0 .6em;line-height:1.2}h2{font-size:20px;margin:2em 0 .4em}
h3{font-size:15px;margin:0 0 .3em}p{margin:.4em 0;max-width:75ch}
.kicker{color:var(--soft);margin:0;font-size:13px}
.boxes{display:grid;grid-template-columns:repeat(auto-fit,minmax(250px,1fr));gap:16px}
.box{border:1px solid var(--line);border-radius:6px;padding:14px 16px}
.box h2{font-size:15px;margin:0 0 .3em}.box b{font-size:22px}
.box p{color:var(--soft);font-size:13px;margin:.3em 0 0}
small{color:var(--soft);font-size:.72em;white-space:nowrap;font-weight:400}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:13.5px;margin:.6em 0}
th,td{padding:6px 10px;border-bottom:1px solid var(--line);text-align:right;vertical-align:top}
th:first-child,th.says,td.says,.plain th,.plain td{text-align:left}
tr:first-child th{border-bottom:2px solid var(--ink);vertical-align:bottom}
.plain tr:first-child th{border-bottom:1px solid var(--line)}
th{font-weight:600}td{font-variant-numeric:tabular-nums}tr.own{background:var(--own)}
.own th::after{content:" (this run)";font-weight:400;color:var(--soft)}
td small{font-size:.85em}.says{color:var(--soft);min-width:240px}
em{font-style:normal;border:1px solid var(--ink);border-radius:3px;padding:0 4px;font-size:11px}
.why,.remarks,.flags{font-size:13px;color:var(--soft);margin:.3em 0;padding-left:1.2em}
.flags li{color:#8a1c1c}.flags li::before{content:"! ";font-weight:700}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(440px,100%),1fr));gap:24px}
figure{margin:0;background:#fff;border:1px solid var(--line);border-radius:6px;padding:12px}
figcaption{font-weight:600;font-size:14px;margin-bottom:8px;color:#24241f}
figure svg{width:100%;height:auto}
article{border-top:1px solid var(--line);padding:14px 0}
article h3{display:flex;justify-content:space-between;gap:12px}
article img{max-width:100%;height:auto;display:block;margin:.4em 0}
.scores{color:var(--soft);font-size:12.5px;max-width:none}
@media(prefers-color-scheme:dark){:root{--paper:#191917;--ink:#ecebe4;--soft:#a5a49c;--line:#3c3b37;
--own:#22303c}.flags li{color:#ff9d8f}}
@media print{article{break-inside:avoid}}
"""
