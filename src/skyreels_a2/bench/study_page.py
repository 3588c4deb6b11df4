"""What the page of a user study does and how it looks; `study` puts the videos in."""

STUDY_STYLE = """
.marks{display:grid;grid-template-columns:minmax(220px,1fr) auto;gap:6px 24px;align-items:center;
margin:16px 0;max-width:640px}
fieldset{display:contents;border:0}
.marks legend,.marks .q{padding:0;font-size:15px}
.opts{display:flex;gap:6px}
.opts label{position:relative;width:40px;height:36px;border:1px solid var(--line);border-radius:5px;
display:flex;align-items:center;justify-content:center;cursor:pointer}
.opts input{position:absolute;inset:0;opacity:0;cursor:pointer;margin:0}
.opts label:has(:checked){background:var(--ink);color:var(--paper);border-color:var(--ink);
font-weight:700}
.opts label:has(:focus-visible){outline:3px solid #2f6fb3;outline-offset:1px}
video{max-width:100%;min-width:min(480px,100%);background:#000;display:block;margin:10px 0}
.refs{max-width:100%;height:auto}
.bar{display:flex;gap:10px;align-items:center;flex-wrap:wrap;margin:18px 0}
button,input[type=text]{font:inherit;padding:8px 16px;border:1px solid var(--ink);
border-radius:5px;background:none;color:inherit}
button.main{background:var(--ink);color:var(--paper)}
button:disabled{opacity:.4}
progress{width:160px}
.scale{color:var(--soft);font-size:13px}
"""

SCRIPT = """
const root=document.getElementById('study');
const store='skyreels-a2-study:'+STUDY.kit;
let state={rater:'',at:0,marks:{}};
try{state=Object.assign(state,JSON.parse(localStorage.getItem(store)||'{}'))}catch{}
const save=()=>{try{localStorage.setItem(store,JSON.stringify(state))}catch{}};
// Every rater has an order of their own, decided by their name.
function order(name){let h=2166136261;for(const c of name){h=Math.imul(h^c.codePointAt(0),16777619)}
const next=()=>{h^=h<<13;h^=h>>>17;h^=h<<5;return (h>>>0)/4294967296};
const a=STUDY.items.map((_,i)=>i);for(let i=a.length-1;i>0;i--){const j=Math.floor(next()*(i+1));
[a[i],a[j]]=[a[j],a[i]]}return a}
function el(tag,props={},...kids){const e=Object.assign(document.createElement(tag),props);
e.append(...kids);return e}
const item=()=>STUDY.items[order(state.rater)[state.at]];
const given=i=>Object.keys(state.marks[i.id]||{}).length;
const finished=()=>STUDY.items.filter(i=>given(i)===STUDY.criteria.length).length;
function csv(){const q=s=>'"'+String(s).replaceAll('"','""')+'"';
const rows=[['rater','video','criterion','mark']];
for(const i of STUDY.items)for(const [c] of STUDY.criteria){const m=(state.marks[i.id]||{})[c];
if(m)rows.push([q(state.rater),i.id,c,m])}
return rows.map(r=>r.join(',')).join('\\r\\n')+'\\r\\n'}
function download(){const a=el('a',{download:'marks-'+state.rater.replace(/\\W+/g,'_')+'.csv',
href:URL.createObjectURL(new Blob([csv()],{type:'text/csv'}))});a.click()}
function welcome(){const name=el('input',{type:'text',id:'rater',value:state.rater,
ariaLabel:'Your name or a code'});
const go=()=>{if(name.value.trim()){state.rater=name.value.trim();save();show()}};
name.addEventListener('keydown',e=>{if(e.key==='Enter')go()});
root.replaceChildren(el('h1',{textContent:'Video study'}),
el('p',{textContent:'You will see '+STUDY.items.length+' short videos. Each was made from the '+
'pictures and the text above it. Please mark each from 1 (bad) to 5 (very good) on '+
STUDY.criteria.length+' questions. Leave out what does not apply. You can stop and go on later '+
'in this browser.'}),
el('div',{className:'bar'},name,el('button',{className:'main',textContent:'Begin',onclick:go})))}
function question([key,words]){const i=item(),opts=el('div',{className:'opts'});
for(let m=1;m<=5;m++){const r=el('input',{type:'radio',name:key,value:m,ariaLabel:words+' '+m,
checked:(state.marks[i.id]||{})[key]===m,
onchange:()=>{(state.marks[i.id]??={})[key]=m;save();tell()}});
opts.append(el('label',{},r,String(m)))}
return [el('div',{className:'q',textContent:words}),opts]}
let told;
function tell(){told.textContent=given(item())+' of '+STUDY.criteria.length+
' marked here, '+finished()+' of '+STUDY.items.length+' videos complete'}
function show(){const i=item(),n=STUDY.items.length;
const move=d=>{state.at=Math.min(n-1,Math.max(0,state.at+d));save();show();scrollTo(0,0)};
told=el('span',{className:'scale',id:'told'});
root.replaceChildren(el('h1',{textContent:'Video '+(state.at+1)+' of '+n}),
el('img',{className:'refs',src:i.references,alt:'references'}),
el('p',{textContent:i.prompt}),
el('video',{src:i.video,controls:true,loop:true,autoplay:true,muted:true,playsInline:true}),
el('p',{className:'scale',textContent:'1 bad, 3 fair, 5 very good'}),
el('div',{className:'marks'},...STUDY.criteria.flatMap(question)),
el('div',{className:'bar'},
el('button',{textContent:'Back',disabled:state.at===0,onclick:()=>move(-1)}),
el('button',{className:'main',id:'next',textContent:'Next',disabled:state.at===n-1,
onclick:()=>move(1)}),
el('button',{id:'export',textContent:'Save my marks (CSV)',onclick:download}),told));tell()}
state.rater?show():welcome();
"""
"""A page without any dependency: the order by the rater's name, marks kept in the browser."""
