/** What the pages of signing in and of the account have beyond those of the console. */
export const ACCOUNT_STYLE = `.main.account{max-width:58rem}
.sheet button,.sheet .button{width:100%}
.sheet .row button,.sheet .row .button{width:auto}
.sheet h1{margin-top:var(--s2)}
.sheet .lead{color:var(--muted);margin-top:calc(-1*var(--s2))}
.sheet .ways{display:flex;flex-wrap:wrap;gap:var(--s2) var(--s4);justify-content:space-between;padding-top:var(--s3);border-top:1px solid var(--line);font-size:var(--small)}
.or{display:flex;align-items:center;gap:var(--s3);color:var(--muted);font-size:var(--small)}
.or::before,.or::after{content:"";flex:1;border-top:1px solid var(--line)}
.things{list-style:none;padding:0}
.things>li{display:flex;flex-wrap:wrap;gap:var(--s2) var(--s4);align-items:center;justify-content:space-between;padding:var(--s3) var(--s4)}
.things>li+li{border-top:1px solid var(--line)}
.things strong{font-weight:500}
.narrow{max-width:28rem}
.meter{height:.375rem;border-radius:99rem;border:0;overflow:hidden;appearance:none;background:light-dark(#ececf0,#2a2d33)}
.meter::-webkit-progress-bar{background:light-dark(#ececf0,#2a2d33);border-radius:99rem}
.meter::-webkit-progress-value{background:var(--link);border-radius:99rem}
.meter::-moz-progress-bar{background:var(--link)}
.places{display:flex;flex-wrap:wrap;gap:var(--s2);list-style:none;padding:0}
.place{border:1px solid var(--line);border-radius:.375rem;padding:.375rem .75rem}.place:has(:checked){border-color:var(--link);background:var(--hover)}
.landing{max-width:34rem;min-height:80vh;align-content:center}
.landing h1{font-size:1.75rem}
`
