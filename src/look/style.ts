/**
 * The one style sheet of all pages: tokens (colour, space, type), plain elements, then components. A
 * page has no style of its own, and no attribute `style`, which its policy would not let through.
 */
import type { LookSettings } from '../settings/look.ts'
import { accentTokens } from './accent.ts'
import { ACCOUNT_STYLE } from './account-style.ts'

const TOKENS = `:root{color-scheme:light dark;
--bg:light-dark(#fff,#131417);--surface:light-dark(#fff,#191b1f);--subtle:light-dark(#f8f8f9,#16181b);--hover:light-dark(#f4f4f6,#23262b);
--line:light-dark(#e5e6ea,#2d3036);--edge:light-dark(#8b8e98,#6f737d);--text:light-dark(#17181c,#ecedf0);--muted:light-dark(#5b5e68,#a5a8b1);
--good:light-dark(#0a6b3d,#5dd39e);--bad:light-dark(#b3261e,#ff8f86);--warn:light-dark(#8a5300,#f1b860);--info:light-dark(#1f5fbf,#8ab8ff);
--good-bg:light-dark(#e8f6ee,#12291f);--bad-bg:light-dark(#fdeeed,#341b1a);--warn-bg:light-dark(#fdf3e1,#2e2413);--info-bg:light-dark(#ebf2fd,#17243a);
--s1:.25rem;--s2:.5rem;--s3:.75rem;--s4:1rem;--s5:1.5rem;--s6:2.25rem;
--radius:.5rem;--small:.8125rem;--shadow:0 1px 2px light-dark(#0000000f,#0006);
--sans:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace}
`

const ELEMENTS = `*,::before,::after{box-sizing:border-box}
[hidden]{display:none!important}
html{font:.875rem/1.5 var(--sans);color:var(--text);background:var(--bg);-webkit-text-size-adjust:100%;scrollbar-gutter:stable}
body{margin:0;overflow-wrap:anywhere}
figure{margin:0}
h1,h2,h3{line-height:1.25;margin:0;font-weight:600;letter-spacing:-.01em;text-wrap:balance}
h1{font-size:1.375rem}h2{font-size:1rem}h3{font-size:.875rem}
p,ul,ol,dl,pre{margin:0}ul.chips,ul.stack{padding:0;list-style:none}
a{color:var(--link);text-underline-offset:.15em}
a:not(:hover){text-decoration-color:color-mix(in srgb,currentColor 35%,transparent)}
code,pre,.mono{font-family:var(--mono);font-size:.8125rem}
hr{border:0;border-top:1px solid var(--line);margin:var(--s4) 0}
img{max-width:100%}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
label{display:block;font-weight:500}
input:not([type=checkbox],[type=radio],[type=hidden],[type=color]),select,textarea{display:block;width:100%;height:2.375rem;margin-top:var(--s1);padding:.375rem .625rem;font:inherit;color:inherit;background:var(--surface);border:1px solid var(--edge);border-radius:.375rem}
textarea{height:auto;min-height:5rem;resize:vertical}
input[type=color]{display:block;width:3.5rem;height:2.375rem;margin-top:var(--s1);padding:2px;background:var(--surface);border:1px solid var(--edge);border-radius:.375rem}
input[type=checkbox],input[type=radio]{width:1rem;height:1rem;margin:0;accent-color:var(--accent);flex:none}
input[aria-invalid=true],select[aria-invalid=true],textarea[aria-invalid=true]{border-color:var(--bad)}
::placeholder{color:var(--muted);opacity:1}
button,.button{display:inline-flex;align-items:center;justify-content:center;gap:var(--s2);min-height:2.375rem;padding:.375rem .875rem;font:inherit;font-weight:500;line-height:1.25;color:var(--on-accent);background:var(--accent);border:1px solid color-mix(in srgb,var(--accent) 85%,#000);border-radius:.375rem;box-shadow:var(--shadow);cursor:pointer;text-decoration:none}
button:hover,.button:hover{background:color-mix(in srgb,var(--accent) 88%,var(--on-accent))}
button.plain,.button.plain{color:var(--text);background:var(--surface);border-color:light-dark(#d0d2d9,#3c4048)}
button.plain:hover,.button.plain:hover{background:var(--hover)}
button.danger,.button.danger{color:light-dark(#fff,#1b0a09);background:light-dark(#b3261e,#ff8f86);border-color:transparent}
button.danger:hover,.button.danger:hover{background:light-dark(#98201a,#ffa8a1)}
button.quiet,.button.quiet{color:var(--muted);background:none;border-color:transparent;box-shadow:none;font-weight:400}
button.quiet:hover,.button.quiet:hover{color:var(--text);background:var(--hover)}
button.small,.button.small{min-height:1.75rem;padding:.125rem .5rem;font-size:var(--small);white-space:nowrap}
button:disabled{opacity:.55;cursor:default}
summary{cursor:pointer}
fieldset{margin:0;padding:0;border:0;min-width:0}
legend{padding:0;font-weight:500}
progress{width:100%;accent-color:var(--accent)}
`

const COMPONENTS = `.skip{position:absolute;left:var(--s2);top:-5rem;z-index:9;padding:var(--s2) var(--s3);background:var(--surface);border:1px solid var(--line);border-radius:var(--radius)}
.skip:focus{top:var(--s2)}
.only-read{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.muted{color:var(--muted)}.small{font-size:var(--small)}.right{text-align:right}.nums{font-variant-numeric:tabular-nums}.nowrap{white-space:nowrap}
.stack{display:grid;gap:var(--s4);grid-template-columns:minmax(0,1fr);align-content:start}.stack.tight{gap:var(--s2)}.stack.close{gap:0}.stack.wide{gap:var(--s5)}
.row{display:flex;flex-wrap:wrap;align-items:center;gap:var(--s2)}.row.between{justify-content:space-between}.row.top{align-items:flex-start;gap:var(--s3) var(--s4)}.row.end{align-items:flex-end}.row>.filters{flex:0 1 20rem}fieldset>.row{gap:var(--s2) var(--s4)}.grow{flex:1 1 12rem;min-width:0}
.grid{display:grid;gap:var(--s4);grid-template-columns:repeat(auto-fit,minmax(min(100%,17rem),1fr))}.grid.two{align-items:start;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr))}.grid.few{grid-template-columns:repeat(auto-fit,minmax(min(100%,9rem),1fr))}
.brand{display:inline-flex;align-items:center;gap:.625rem;font-weight:600;color:var(--text);text-decoration:none;min-width:0}
.brand img,.brand .mark{width:1.75rem;height:1.75rem;border-radius:.4rem;flex:none;object-fit:contain}
.mark{display:grid;place-items:center;background:var(--accent);color:var(--on-accent);font-weight:700}
.app{display:grid;min-height:100vh;grid-template-columns:15rem minmax(0,1fr)}
.side{background:var(--subtle);border-right:1px solid var(--line);display:flex;flex-direction:column}
.side>div{position:sticky;top:0;display:flex;flex-direction:column;min-height:100vh;max-height:100vh}
.side .brand{padding:var(--s4)}
.menu{display:block;position:static;width:auto;height:auto;inset:auto;margin:0;border:0;background:none;color:inherit;overflow:auto;padding:0 var(--s2) var(--s4);flex:1}
.menu h2{font-size:.75rem;font-weight:500;color:var(--muted);padding:var(--s4) var(--s2) var(--s1);letter-spacing:0}
.menu ul{list-style:none;padding:0}
.menu a{display:flex;align-items:center;gap:.625rem;padding:.3125rem var(--s2);border-radius:.375rem;color:var(--text);text-decoration:none}
.menu a:hover{background:var(--hover)}
.menu a[aria-current]{background:light-dark(#e9eaee,#282b31);font-weight:500}
.menu svg{width:1rem;height:1rem;flex:none;color:var(--muted)}.menu a[aria-current] svg{color:var(--link)}
.menu-button{display:none}
.who{border-top:1px solid var(--line);padding:var(--s3) var(--s4);font-size:var(--small)}
.who form{display:inline}
.main{padding:var(--s5) clamp(1rem,3vw,2.25rem) var(--s6);max-width:76rem;width:100%;display:flex;flex-direction:column;gap:var(--s5)}
.foot{margin-top:auto;padding-top:var(--s5);color:var(--muted);font-size:var(--small)}
.main>.head{order:-1}
.head{display:flex;flex-wrap:wrap;gap:.125rem var(--s3);align-items:center;justify-content:space-between}
.head .lead{color:var(--muted);flex-basis:100%;padding-right:max(0px,100% - 44rem);text-wrap:pretty}
.crumbs{font-size:var(--small);color:var(--muted);margin-bottom:.125rem}.crumbs a{color:inherit}
.actions{display:flex;flex-wrap:wrap;gap:var(--s2)}
.tabs{display:flex;flex-wrap:wrap;gap:0 var(--s4);border-bottom:1px solid var(--line)}
.tabs a{padding:var(--s2) 0;color:var(--muted);text-decoration:none;border-bottom:2px solid transparent;margin-bottom:-1px}
.tabs a:hover{color:var(--text)}.tabs a[aria-current]{color:var(--text);font-weight:500;border-color:var(--link)}
.card{background:var(--surface);border:1px solid var(--line);border-radius:var(--radius);box-shadow:var(--shadow)}
.card>header{display:flex;flex-wrap:wrap;gap:var(--s2);align-items:center;justify-content:space-between;padding:var(--s3) var(--s4);border-bottom:1px solid var(--line)}
.card>.body{padding:var(--s4)}
.card>footer{padding:var(--s3) var(--s4);border-top:1px solid var(--line);background:var(--subtle);border-radius:0 0 var(--radius) var(--radius)}
.card form.stack{max-width:44rem}
.card.danger{border-color:color-mix(in srgb,var(--bad) 40%,var(--line))}
.figure{padding:var(--s3) var(--s4)}.figure dt{color:var(--muted);font-size:var(--small)}.figure dd{margin:0;font-size:1.5rem;font-weight:600;letter-spacing:-.02em;font-variant-numeric:tabular-nums}.figure dd+dd{font-size:var(--small);font-weight:400;letter-spacing:0;color:var(--muted)}
.table{border:1px solid var(--line);border-radius:var(--radius);background:var(--surface);box-shadow:var(--shadow);overflow:hidden}
.card .table{border:0;box-shadow:none;border-radius:inherit;background:none}
table{width:100%;border-collapse:collapse;text-align:left;overflow-wrap:break-word}td time,th .mono{white-space:nowrap}
th,td{padding:.5rem var(--s3);vertical-align:middle}th:first-child,td:first-child{padding-left:var(--s4)}th:last-child,td:last-child{padding-right:var(--s4)}
thead th{font-weight:500;font-size:var(--small);color:var(--muted);background:var(--subtle);border-bottom:1px solid var(--line);white-space:nowrap}
tbody th{font-weight:500}tbody th a{color:inherit;text-decoration:none}tbody th a:hover{text-decoration:underline}
tbody tr+tr>*{border-top:1px solid var(--line)}
tbody tr:hover>*{background:var(--hover)}
td.right,th.right{text-align:right}
td form{display:inline}
.person{display:flex;align-items:center;gap:.625rem;min-width:0}
.face{width:1.75rem;height:1.75rem;border-radius:50%;flex:none;object-fit:cover;display:grid;place-items:center;font-size:.6875rem;font-weight:600;color:var(--muted);background:light-dark(#ececf0,#2a2d33)}
.face.big{width:3.5rem;height:3.5rem;font-size:1.125rem}
.chip{display:inline-flex;align-items:center;gap:.3125rem;max-width:100%;padding:.0625rem .5rem;border-radius:99rem;font-size:.75rem;font-weight:500;line-height:1.5;border:1px solid #80808040}
.chip img{width:.875rem;height:.875rem;object-fit:contain}
.chip.big{font-size:1.125rem;padding:.25rem 1rem}.chip.big img{width:1.375rem;height:1.375rem}
.pill{display:inline-flex;align-items:center;gap:.375rem;padding:.0625rem .5rem;border-radius:99rem;font-size:.75rem;font-weight:500;color:var(--muted);background:light-dark(#f0f1f4,#26292f);white-space:nowrap}
.pill.good{color:var(--good);background:var(--good-bg)}.pill.bad{color:var(--bad);background:var(--bad-bg)}.pill.warn{color:var(--warn);background:var(--warn-bg)}.pill.info{color:var(--info);background:var(--info-bg)}
.chips{display:flex;flex-wrap:wrap;gap:var(--s1)}
.hint{color:var(--muted);font-weight:400;font-size:var(--small)}
.field .error{color:var(--bad);font-size:var(--small);margin-top:var(--s1)}
.lines .field{display:grid;grid-template-columns:minmax(0,1fr) 5.5rem;align-items:center;gap:var(--s2)}.lines select{margin:0;min-height:2rem}.lines{gap:var(--s2) var(--s5)}
.check{display:flex;gap:var(--s2);align-items:baseline;font-weight:400}.check input{translate:0 .125rem}
.scopes .check>span{display:grid;grid-template-columns:8rem minmax(0,1fr);gap:0 var(--s3);align-items:baseline}
.filters{display:flex;flex-wrap:wrap;gap:var(--s2);align-items:flex-end}.filters>.field,.filters>.wide{flex:0 1 11.5rem;min-width:8rem}.filters label{font-size:var(--small);color:var(--muted);font-weight:400}.filters .wide{flex:1 1 16rem;max-width:28rem}
.filters:has(.error){align-items:flex-start}.filters:has(.error)>:is(button,.button){margin-top:1.47rem}
.panel,[role=alert],[role=status]{border:1px solid var(--line);border-radius:var(--radius);padding:var(--s3) var(--s4);background:var(--info-bg)}
[role=status],.panel.good{background:var(--good-bg);border-color:color-mix(in srgb,var(--good) 30%,transparent)}
[role=alert],.panel.bad{background:var(--bad-bg);border-color:color-mix(in srgb,var(--bad) 35%,transparent)}
.panel.warn{background:var(--warn-bg);border-color:color-mix(in srgb,var(--warn) 35%,transparent)}
.facts{display:grid;grid-template-columns:minmax(6rem,max-content) minmax(0,1fr);gap:.375rem var(--s4)}.facts dt{color:var(--muted)}.facts dd{margin:0}
.empty{text-align:center;padding:var(--s6) var(--s4);color:var(--muted);display:grid;gap:var(--s2);justify-items:center}.empty h2{color:var(--text)}
.pager{display:flex;flex-wrap:wrap;gap:var(--s2);align-items:center;justify-content:space-between;color:var(--muted);font-size:var(--small)}
.api{border:1px solid var(--line);border-radius:var(--radius);font-size:var(--small)}.api summary{padding:var(--s2) var(--s4);color:var(--muted)}.api summary:hover{color:var(--text)}.api>div{padding:0 var(--s4) var(--s4);display:grid;gap:var(--s3);grid-template-columns:minmax(0,1fr)}
pre{padding:var(--s3);background:var(--subtle);border:1px solid var(--line);border-radius:.375rem;white-space:pre-wrap;overflow-wrap:anywhere}
.dates{columns:15rem;padding-left:2.5rem}
.week{table-layout:fixed}.week td{vertical-align:top}.week tbody tr:hover>*{background:none}
.steps{list-style:none;padding:0}.steps>li{display:grid;grid-template-columns:5.5rem minmax(0,1fr);gap:var(--s1) var(--s3);padding:var(--s2) 0}.steps>li+li{border-top:1px solid var(--line)}
.heats{display:flex;flex-wrap:wrap;gap:var(--s3) 2px}.heats svg{flex:1 1 19rem;width:0}.heat text{font-size:9px;fill:var(--muted)}
.chart{display:block;width:100%;height:auto;color:var(--link)}.chart.bars{height:8rem;fill:currentColor;border:solid var(--line);border-width:1px 0;margin:.125rem 0 .25rem}
.heat rect{fill:light-dark(#ececf0,#26292f)}.heat .l1{fill:color-mix(in srgb,var(--link) 30%,var(--surface))}.heat .l2{fill:color-mix(in srgb,var(--link) 55%,var(--surface))}.heat .l3{fill:color-mix(in srgb,var(--link) 78%,var(--surface))}.heat .l4{fill:var(--link)}
.sheet{max-width:25rem;margin:0 auto;padding:clamp(1.5rem,8vh,5rem) 1rem 2rem;display:grid;gap:var(--s4);grid-template-columns:minmax(0,1fr)}
@media (width>40rem){html:has(.sheet){background:var(--subtle)}.sheet:not(.landing){margin-top:8vh;padding:2rem;background:var(--surface);border:1px solid var(--line);border-radius:.75rem;box-shadow:0 8px 30px light-dark(#0000000d,#0005)}}
.sheet.wide{max-width:44rem}
.sheet>form,.sheet form.stack{display:grid;gap:var(--s3);grid-template-columns:minmax(0,1fr)}
dialog{border:1px solid var(--line);border-radius:var(--radius);padding:var(--s5);background:var(--surface);color:inherit;max-width:min(32rem,calc(100vw - 2rem))}dialog::backdrop{background:#0008}
@media (width<=52rem){
.app{display:block}
.side{border:0;border-bottom:1px solid var(--line);position:sticky;top:0;z-index:3}
.side>div{position:static;min-height:0;max-height:none;flex-direction:row;align-items:center;justify-content:space-between;padding:.375rem 1rem;gap:var(--s2)}
.side .brand{padding:0;overflow:hidden}
.menu-button{display:inline-flex}
.menu:not(:popover-open){display:none}
.menu:popover-open{position:fixed;inset:3.25rem .5rem auto;max-height:calc(100vh - 4rem);padding:var(--s2);background:var(--surface);border:1px solid var(--line);border-radius:var(--radius);box-shadow:0 8px 30px #0004}
.menu a{padding:.5rem}
.side .who{display:none}.menu .who{display:block}
.main{padding-top:var(--s4);gap:var(--s4)}
}
@media (width>52rem){.menu .who{display:none}}
@media (width<=40rem){
input:not([type=checkbox],[type=radio],[type=hidden],[type=color]),select,textarea{font-size:16px}
input:not([type=checkbox],[type=radio],[type=hidden],[type=color]),select,button:not(.small),.button:not(.small){min-height:2.75rem}
.row.end>.grow{flex-basis:100%}.row.top>.field{flex:1 1 8.5rem}
.table thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.table table,.table tbody,.table tr,.table td,.table tbody th{display:block}
.table tr{padding:var(--s2) var(--s4)}
.table tbody tr+tr{border-top:1px solid var(--line)}
.table tbody tr>*{border:0;padding:.125rem 0;background:none!important}
.table td[data-label]{display:grid;grid-template-columns:7rem minmax(0,1fr);gap:var(--s2);text-align:left;align-items:baseline;overflow-wrap:anywhere}
.table td[data-label]::before{content:attr(data-label);color:var(--muted)}
.table td:has(>div:empty),.table td:has(>div>:only-child:empty){display:none}
.week td[data-label]+td{margin-top:var(--s2);border-top:1px solid var(--line)!important;padding-top:var(--s2)!important}
.figure dd{font-size:1.25rem}
.head:has(.actions>:nth-child(2))>.actions{order:1;margin-top:var(--s2)}
.facts{grid-template-columns:minmax(0,1fr);gap:0}.facts dd{margin-bottom:var(--s2)}
.filters>.field{flex:1 1 9.5rem}.filters>.wide{flex:1 1 100%;max-width:none}
.steps>li,.scopes .check>span{grid-template-columns:minmax(0,1fr)}
}
@media (prefers-reduced-motion:no-preference){button,.button,.menu a,.tabs a{transition:background .12s,color .12s}}
@media print{.side,.actions,.api,.filters{display:none}.app{display:block}}
`

/** What every site has, before its own colour. */
const STYLE = TOKENS + ELEMENTS + COMPONENTS + ACCOUNT_STYLE

/** The style sheet of a site. */
export function styleOf({ accent }: LookSettings): string {
  return `${accentTokens(accent)}\n${STYLE}`
}
