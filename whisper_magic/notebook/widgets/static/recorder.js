// Built from frontend/ (0802ea4137c482c7) by make frontend; do not edit.
var M="data-whisper-player",S=Symbol.for("whisper_magic.watchers");function D(){let o=globalThis,e=o[S];if(e!==void 0)return e;let[n,t]=[new Map,new Set],r=!1,i=()=>{r=!1;for(let s of t)s();for(let s of document.querySelectorAll(`[${M}]`))n.get(s.getAttribute(M)??"")?.(s)};return new MutationObserver(()=>{r||(r=!0,queueMicrotask(i))}).observe(document.body,{childList:!0,subtree:!0}),o[S]={mounts:n,gone:t}}function T(o,e,n){let{mounts:t,gone:r}=D();return t.set(o,e),r.add(n),document.querySelectorAll(`[${M}="${CSS.escape(o)}"]`).forEach(e),()=>{t.delete(o),r.delete(n)}}function a(o,e={},...n){let t=document.createElement(o);for(let[r,i]of Object.entries(e))i===!1||i===void 0||t.setAttribute(r,i===!0?"":String(i));return t.append(...n),t}function p(o,e=o){let n=Math.max(0,Math.floor(o)),[t,r,i]=[Math.floor(n/3600),Math.floor(n%3600/60),n%60],s=l=>String(l).padStart(2,"0");return e>=3600?`${t}:${s(r)}:${s(i)}`:`${Math.floor(n/60)}:${s(i)}`}function g(o,e){let[n,t]=[0,o.length];for(;n<t;){let r=n+t>>1;(o[r]??1/0)<=e?n=r+1:t=r}return n-1}function L(o,e=o){return a("button",{type:"button",title:e,"aria-label":e},o)}var f=class extends Error{},v=class{#e=new Map;#r=Math.random().toString(36).slice(2);#n;onslow=()=>{};onlost=()=>{};#d=new Set;#c=0;#t=!1;#o=!1;constructor(e){this.#n=e,e.on("msg:custom",this.#l)}get gone(){return this.#t}ask(e,n,t=[]){if(this.#t)return Promise.reject(new f("the kernel is gone"));let r=`${this.#r}-${this.#c+=1}`;return new Promise((i,s)=>{this.#e.set(r,{resolve:i,reject:s}),setTimeout(()=>{this.#e.has(r)&&this.#i(!0)},5e3);try{this.#n.send({...n,kind:e,id:r},void 0,t)}catch{this.close()}})}insist(e,n){let t=this.ask(e,n),r=`${this.#r}-${this.#c}`,i=s=>{setTimeout(()=>{this.#e.has(r)&&(this.#n.send({...n,kind:e,id:r}),s<5e3&&i(2*s))},s)};return i(200),t}#i(e){e!==this.#o&&this.onslow(this.#o=e)}onnotice(e){return this.#d.add(e),()=>this.#d.delete(e)}close(){if(!this.#t){this.#t=!0,setTimeout(this.onlost),this.#n.off("msg:custom",this.#l);for(let{reject:e}of this.#e.values())e(new f("the kernel is gone"));this.#e.clear()}}#l=(e,n)=>{if(typeof e.notice=="string")for(let r of this.#d)r(e);if(typeof e.id!="string")return;let t=this.#e.get(e.id);this.#e.delete(e.id),this.#i(!1),typeof e.error=="string"?t?.reject(new f(e.error)):t?.resolve({value:e.value,buffers:n.map(I)})}};function I(o){return o instanceof ArrayBuffer?new DataView(o):new DataView(o.buffer,o.byteOffset,o.byteLength)}var w=3,K=60,b=36,W=-60;function F(o){let e=o.reduce((n,t)=>n+t*t,0)/Math.max(1,o.length);return Math.min(1,Math.max(0,1-10*Math.log10(Math.max(1e-12,e))/W))}var x=class{element;#e=[];#r=null;#n=0;constructor(){this.element=a("canvas",{class:"meter",height:b,role:"meter","aria-label":"Level of the microphone","aria-valuemin":0,"aria-valuemax":100,"aria-valuenow":0})}start(e){this.#r=new AudioContext;let n=this.#r.createAnalyser();n.fftSize=2048,this.#r.createMediaStreamSource(e).connect(n);let t=new Float32Array(n.fftSize);this.#n=window.setInterval(()=>{n.getFloatTimeDomainData(t),this.#e.push(F(t)),this.#d()},K)}stop(){window.clearInterval(this.#n),this.#r?.close(),this.#r=null}#d(){let{clientWidth:e}=this.element,n=this.element.getContext("2d");if(n===null||e===0)return;let t=devicePixelRatio;[this.element.width,this.element.height]=[e*t,b*t],n.scale(t,t),n.fillStyle=getComputedStyle(this.element).getPropertyValue("--mark").trim()||"royalblue";let r=Math.floor(e/(w+1));this.#e.splice(0,Math.max(0,this.#e.length-r));let i=e-this.#e.length*(w+1);this.#e.forEach((l,c)=>{let d=Math.max(2,l*b);n.fillRect(i+c*(w+1),(b-d)/2,w,d)});let s=String(Math.round(100*(this.#e.at(-1)??0)));this.#e.length%8===0&&this.element.setAttribute("aria-valuenow",s)}};var H=`:host { all: initial; display: block; max-width: 62em; }
@media print { :host { max-width: none; } }
.player {
  --text: var(--jp-content-font-color1, var(--vscode-editor-foreground, CanvasText));
  --soft: var(--jp-content-font-color2, var(--vscode-descriptionForeground, color-mix(in srgb, CanvasText 66%, transparent)));
  --line: var(--jp-border-color2, var(--vscode-panel-border, color-mix(in srgb, CanvasText 18%, transparent)));
  --mark: var(--jp-brand-color1, var(--vscode-focusBorder, #1976d2));
  --wave: color-mix(in srgb, var(--soft) 60%, transparent);
  --surface: var(--jp-layout-color1, var(--vscode-editor-background, Canvas));
  --raised: var(--jp-layout-color2, var(--vscode-editorWidget-background, Canvas));
  --accepted: #2e7d32;
  --own: #1565c0;
  --rejected: #b3261e;
  --warn: color-mix(in srgb, #c75300 80%, var(--text));
  --gap: color-mix(in srgb, var(--soft) 16%, transparent);
  container-type: inline-size;
  color: var(--text);
  font: var(--jp-content-font-size1, 14px)/1.55 var(--jp-content-font-family, system-ui, -apple-system, "Segoe UI", sans-serif);
}
.player.dark { --accepted: #81c784; --own: #90caf9; --rejected: #f2a19b; --warn: #ffb74d; }
.player * { box-sizing: border-box; }
.soft { color: var(--soft); }
.warn, .flag { color: var(--warn); font-size: .9em; }
.flag { margin-inline-start: .6em; }
.number, .time, .clock { font-variant-numeric: tabular-nums; }
[hidden] { display: none !important; }

button, select, input { font: inherit; color: inherit; }
button {
  display: inline-flex; align-items: center; justify-content: center; min-width: 28px; min-height: 28px; padding: 0 8px;
  border: 1px solid transparent; border-radius: 4px; background: none; cursor: pointer;
}
button:hover { background: var(--raised); }
button[aria-pressed="true"] { border-color: var(--mark); box-shadow: inset 0 -2px 0 var(--mark); }
button:disabled { opacity: .45; cursor: default; }
svg { width: 20px; height: 20px; fill: currentColor; }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 1px; }

.head { display: flex; flex-wrap: wrap; align-items: center; gap: 0 .9em; }
.title { font-weight: 600; overflow-wrap: anywhere; }
.tools { display: flex; flex-wrap: wrap; align-items: center; gap: 2px; margin-inline-start: auto; font-size: .93em; }
.tools select { min-height: 28px; border: 1px solid var(--line); border-radius: 4px; background: var(--surface); }

.strip {
  display: grid; grid-template-columns: auto auto minmax(4em, 1fr) auto auto; align-items: center; gap: 0 6px; margin: 2px 0; padding: 0 6px;
  border: 1px solid var(--line); border-radius: 6px; background: var(--surface);
}
.play { width: 34px; height: 34px; padding: 0; border-radius: 50%; background: var(--mark); color: var(--surface); }
.play:hover { background: color-mix(in srgb, var(--mark) 85%, var(--text)); }
.clock { color: var(--soft); font-size: .9em; white-space: nowrap; }
.clock b { color: var(--text); font-weight: 500; }
.waveform { height: 48px; overflow: hidden; cursor: text; }
.rate { display: flex; align-items: center; }
.rate button { padding: 0 4px; }
.speed { height: 28px; border: none; background: none; font-size: .9em; }
.speed option { background: var(--surface); color: var(--text); }
.volume { display: flex; align-items: center; }
.volume button { padding: 0 4px; }
.volume input { width: 4.2em; accent-color: var(--mark); }
@container (max-width: 34em) { .volume input, .clock .whole { display: none; } }

.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 6px; margin: 4px 0; font-size: .93em; }
.bar select { min-height: 28px; border: 1px solid var(--line); border-radius: 4px; background: var(--surface); }
.beside { margin: 4px 0; padding: 4px 10px; border-inline-start: 3px solid var(--mark); background: var(--raised); }
.beside .was { color: var(--soft); text-decoration: line-through; }
.beside button, .bar button { border-color: var(--line); }
.recorder .strip { grid-template-columns: auto auto minmax(4em, 1fr); min-height: 48px; }
.record { margin: 6px 0; border-color: var(--line); }
.record::before { content: ""; width: 10px; height: 10px; margin-inline-end: 7px; border-radius: 50%; background: #d32f2f; }
.record.on::before { border-radius: 2px; }
.meter { width: 100%; height: 36px; }
.work { display: flex; align-items: center; gap: 10px; font-size: .93em; }
.work progress { width: 12em; accent-color: var(--mark); }
textarea { width: 100%; padding: 2px 6px; border: 1px solid var(--mark); border-radius: 4px; background: var(--surface); color: inherit; font: inherit; resize: vertical; }
.bar input { flex: 0 1 22em; min-width: 0; height: 28px; padding: 0 8px; border: 1px solid var(--line); border-radius: 4px; background: var(--surface); }
.say { min-height: 0; color: var(--soft); font-size: .9em; }
.say:empty { display: none; }

.text { max-height: 30em; overflow: auto; margin: .3em 0 .4em; padding: .3em 0; border: solid var(--line); border-width: 1px 0; scrollbar-width: thin; }
.segment { display: flex; flex-wrap: wrap; gap: 0 1.2em; padding: .13em .3em; border-radius: 4px; cursor: pointer;
  content-visibility: auto; contain-intrinsic-block-size: auto 1.8em; }
.segment .time { flex: none; min-width: 3.2em; color: var(--soft); font-size: .86em; line-height: 1.8; text-align: end; }
.segment .speech { flex: 1 1 14em; min-width: 0; overflow-wrap: anywhere; }
.tail { padding-inline: 4.7em .3em; }
.segment.now { background: color-mix(in srgb, var(--mark) 9%, transparent); }
.segment.now .time { color: var(--text); }
.segment.hit { box-shadow: inset 2px 0 0 var(--mark); }
.words { white-space: pre-wrap; }
.word { border-radius: 3px; }
.word:hover, .round:hover { text-decoration: underline; text-decoration-color: var(--soft); text-underline-offset: 3px; }
.word.now { background: color-mix(in srgb, var(--mark) 30%, transparent); box-shadow: 0 0 0 1px color-mix(in srgb, var(--mark) 55%, transparent); }
.doubt .word { background: color-mix(in srgb, #e65100 calc(var(--doubt) * .55%), transparent); }
.spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
::highlight(whisper-magic-hit) { background: color-mix(in srgb, #fbc02d 45%, transparent); }
::highlight(whisper-magic-hit-now) { background: #fbc02d; color: #000; }
.follow { position: sticky; bottom: 6px; float: inline-end; margin: -40px 10px 0 0; background: var(--raised); border-color: var(--line); font-size: .86em; }

.token { padding: 0 1px; border-bottom: 2px solid transparent; white-space: pre-wrap; }
.token.a { color: var(--accepted); border-color: var(--accepted); }
.token.t { color: var(--own); border-color: var(--own); border-bottom-style: dotted; }
.token.r { color: var(--rejected); text-decoration: line-through; }
.round { border-inline-end: 1px solid var(--line); padding-inline-end: 1px; cursor: pointer; }
.strip > * { grid-row: 2; }
.strip > :is(.minimap, .spectrogram, .ribbon) { grid-column: 3; min-width: 0; }
.strip > .minimap { grid-row: 1; padding-top: 4px; }
.strip > .spectrogram { grid-row: 3; }
.strip > .ribbon { grid-row: 4; }
.minimap canvas { display: block; width: 100%; height: 18px; cursor: pointer; touch-action: none; }
.spectrogram canvas { display: block; width: 100%; height: 96px; image-rendering: auto; }
.ribbon canvas { display: block; width: 100%; height: 28px; cursor: pointer; }
.legend { display: flex; flex-wrap: wrap; align-items: center; gap: 2px 1.1em; margin: 3px 0; font-size: .86em; }
.stepper { display: inline-flex; align-items: center; gap: 2px; margin-inline-start: auto; }
.stepper .number { min-width: 5em; text-align: center; }
.card { min-height: 3.2em; padding: 2px 8px; border-inline-start: 2px solid var(--line); font-size: .93em; }

.card table { margin: .3em 0; border-collapse: collapse; }
.card th { padding: 0 1.4em 0 0; color: var(--soft); font-weight: normal; text-align: start; }
.card td { padding: 1px 1.4em 1px 0; }
.foot { color: var(--soft); font-size: .86em; line-height: 1.7; overflow-wrap: anywhere; }
dialog { max-width: 30em; padding: 1em 1.4em; border: 1px solid var(--line); border-radius: 8px; background: var(--surface); color: var(--text); font: inherit; }
dialog dl { display: grid; grid-template-columns: auto 1fr; gap: .2em 1.2em; margin: .4em 0 1em; }
dialog dd { margin: 0; }
kbd { padding: 0 .4em; border: 1px solid var(--line); border-radius: 3px; font: .9em ui-monospace, monospace; }

@media (forced-colors: active) {
  .word.now, .segment.now, .segment.now .time { forced-color-adjust: none; background: Highlight; color: HighlightText; }
  .play { forced-color-adjust: none; background: ButtonText; color: ButtonFace; }
}
@media (prefers-reduced-motion: reduce) { * { scroll-behavior: auto !important; } }
@media print { .strip, .tools, .find, .follow, .trace canvas, .stepper { display: none; } .text { max-height: none; overflow: visible; } .segment { content-visibility: visible; } }
`;function A(o,e){let n=e.map(()=>[]);for(let{tokens:t}of o)for(let r of t)r.verdict!=="r"&&!r.text.startsWith("<|")&&n[r.segment]?.push(r);return e.map((t,r)=>{let i=n[r]??[],s=new Map,l=0;for(let d of i)s.set(l,d),l+=d.text.length;if(i.map(({text:d})=>d).join("")!==t.words.map(([d])=>d).join(""))return[];let c=0;return t.words.map(([d])=>{let h=s.get(c)?.instead;return c+=d.length,h?.map(([u,O])=>`${u.trim()} ${y(O)}`).join(" \xB7 ")})})}function y(o){let e=Math.round(100*o);return o<.005?"< 1 %":e===100&&o<.9995?"> 99 %":`${e} %`}function $({text:o,verdict:e,p:n,q:t,instead:r}){let i=[...n===void 0?[]:[`target ${y(n)}`],...t===void 0?[]:[`draft ${y(t)}`],...r===void 0?[]:[r.map(([s,l])=>`${s.trim()||"space"} ${y(l)}`).join(" \xB7 ")]];return a("span",{class:`token ${e}`,...i.length>0?{title:i.join("; ")}:{}},o)}var B=new Map([["model","the draft model"],["ngram","the n-gram drafter"],["previous","the previous transcript"]]);function C(o,e){let n=o.drafter===null?null:B.get(o.drafter)??o.drafter,t=n===null?"nothing was proposed":`${n} proposed ${o.proposed}, the target accepted ${o.accepted}`,r=o.temperature>0?`, temperature ${o.temperature}`:"",i=`draft ${o.draft_ms.toFixed(1)} ms, verify ${o.verify_ms.toFixed(1)} ms`;return`Round ${e+1}, position ${o.position}${r}: ${t}; ${i}`}var V=/^(ar|fa|he|ur|yi|ps|sd)\b/,q="whisper-magic-hit",G="whisper-magic-hit-now";function R(o){let e=n=>n.replace(/\s+/g,"");return o.words.length>0&&e(o.words.map(([n])=>n).join(""))===e(o.text)}var k=class{element;follow;#e;#r=a("div",{role:"list"});#n=a("div",{class:"tail soft",dir:"auto","aria-hidden":"true"});#d=!1;#c=[];#t=[];#o=[];#i=-1;#l=null;#s=!0;#a=null;#m=new Map;#g=[];#p=null;#v;#f;constructor(e,n){this.#e=e,this.#v=n,this.element=a("div",{class:"text",role:"group",tabindex:0,"aria-label":"What was said"}),this.follow=a("button",{class:"follow",type:"button",hidden:!0},"Follow the sound"),this.follow.addEventListener("click",()=>{this.#M(!0),this.#k(this.#i)}),this.#f=new IntersectionObserver(t=>{for(let r of t)r.isIntersecting&&this.#h(this.#t.indexOf(r.target))},{root:this.element,rootMargin:"400px"});for(let t of["wheel","touchmove","pointerdown"])this.element.addEventListener(t,()=>{(t!=="pointerdown"||this.element.matches(":active"))&&this.#M(!1)},{passive:!0});this.element.addEventListener("click",this.#S),this.element.addEventListener("dblclick",this.#E),this.show(e)}show(e){this.#e=e,this.#i=-1,this.#l=null,this.#p=null,this.#c=[],this.#o=e.segments.map(({start:r})=>r),this.#f.disconnect();let n=e.segments.at(-1)?.end??0;this.#t=e.segments.map(r=>this.#b(r,n)),this.#r.replaceChildren(...this.#t);let t=a("p",{class:"soft"},e.writing?"":"no speech");this.element.replaceChildren(this.#t.length>0?this.#r:t);for(let r of this.#t)this.#f.observe(r)}grow(e,n){let t=this.#t.length;t===0&&this.element.replaceChildren(this.#r),this.#e=e,this.#o=e.segments.map(({start:r})=>r);for(let r of e.segments.slice(t)){let i=this.#b(r,r.end);this.#t.push(i),this.#r.append(i),this.#f.observe(i)}this.#n.textContent=n.trim(),this.#r.after(this.#n),this.#s&&!this.#d&&(this.element.scrollTop=this.element.scrollHeight)}trace(e){this.#a=e,this.#m=new Map,e?.forEach(({tokens:n},t)=>{for(let r of new Set(n.map(i=>i.segment))){let i=this.#m.get(r)??[];i.push(t),this.#m.set(r,i)}}),this.#t.forEach((n,t)=>{n.querySelector(".words")?.classList.remove("filled"),n.dataset.near!==void 0&&this.#h(t)})}alternatives(e){this.#c=A(e,this.#e.segments),this.#t.forEach((n,t)=>this.#w(n,t))}#w(e,n){let t=this.#c[n];t!==void 0&&e.querySelectorAll(".word").forEach((r,i)=>{let s=t[i];s!==void 0&&(r.title=`${r.title.split(":")[0]??""}: ${s}`)})}moved(e,n){this.#d=n;let t=g(this.#o,e),r=this.#e.segments[t];(r===void 0||e>=Math.max(r.end,r.start+.1))&&(t=-1),t!==this.#i&&(this.#t[this.#i]?.classList.remove("now"),this.#t[t]?.classList.add("now"),this.#i=t,t>=0&&(this.#h(t),n&&this.#s&&this.#k(t))),this.#y(t,e)}edit(e,n=""){let[t,r]=[this.#t[e],this.#e.segments[e]],i=t?.querySelector(".speech");if(!t||!i||r===void 0||this.#e.writing)return;this.#p?.end();let s=r.text.trim(),l=a("textarea",{"aria-label":`Text of the segment at ${p(r.start)}`,rows:2,dir:"auto"});l.value=s;let c=Array.from(i.children),d=()=>{l.remove();for(let u of c)u.hidden=!1};for(let u of c)u.hidden=!0;i.append(l),l.focus();let h=n.trim()===""?-1:s.indexOf(n.trim());l.setSelectionRange(Math.max(0,h),h<0?s.length:h+n.trim().length),this.#p={index:e,field:l,end:d}}key(e){let n=this.#p;if(n===null||e.key!=="Escape"&&(e.key!=="Enter"||e.shiftKey))return!1;let{index:t,field:r,end:i}=n;this.#p=null;let s=r.value.trim();return i(),e.key==="Enter"&&s!==this.#e.segments[t]?.text.trim()&&this.#v.onedit(t,s),this.element.focus(),!0}get now(){return this.#i}step(e,n){let t=g(this.#o,e+.05);return n<0&&e-(this.#o[t]??0)>1&&(t+=1),this.#o[Math.min(this.#o.length-1,Math.max(0,t+n))]??null}hits(e,n){let[t,r]=[z(q),z(G)];for(let i of this.#g)t?.delete(i),r?.delete(i);this.#g=[],e.forEach((i,s)=>{s===n&&this.#k(i.segment),this.#h(i.segment);let l=this.#u(i);l!==null&&((s===n?r:t)?.add(l),this.#g.push(l))}),this.#t.forEach((i,s)=>{i.classList.toggle("hit",e[n]?.segment===s)})}close(){this.hits([],-1),this.#f.disconnect()}#b(e,n){let t=e.language??this.#e.language??void 0,r={dir:t!==void 0&&V.test(t)?"rtl":"auto",...t===void 0?{}:{lang:t}},i=a("div",{class:"segment",role:"listitem"},a("span",{class:"time"},p(e.start,n)),a("span",{class:"speech"},a("span",{class:"words","aria-hidden":"true",...r},e.text.trim()),a("span",{class:"spoken",...r},e.text.trim())));return e.flags!==""&&i.lastElementChild?.append(a("span",{class:"flag"},`\u2691 ${e.flags}`)),i}#h(e){let[n,t]=[this.#t[e],this.#e.segments[e]],r=n?.querySelector(".words");!n||!t||!r||r.classList.contains("filled")||(n.dataset.near="",r.classList.add("filled"),this.#a!==null?r.replaceChildren(...this.#x(e)):R(t)?(r.replaceChildren(...t.words.flatMap(_)),this.#w(n,e)):r.replaceChildren(t.text.trim()))}*#x(e){for(let n of this.#m.get(e)??[]){let t=this.#a?.[n];if(t===void 0)continue;let r=t.tokens.filter(i=>i.segment===e).map($);yield a("span",{class:"round","data-round":n,title:C(t,n)},...r)}}#y(e,n){let t=null,r=this.#e.segments[e];if(r!==void 0&&this.#a===null&&R(r)){let i=g(r.words.map(([,l])=>l),n),s=r.words[i];s!==void 0&&n<s[2]&&(t=this.#t[e]?.querySelectorAll(".word")[i]??null)}t!==this.#l&&(this.#l?.classList.remove("now"),t?.classList.add("now"),this.#l=t)}#u({segment:e,start:n,end:t}){let r=this.#t[e]?.querySelector(".words");if(!r)return null;let i=new Range,s=document.createTreeWalker(r,NodeFilter.SHOW_TEXT),c=-(r.textContent.match(/^\s*/)?.[0]??"").length,d=!1;for(let h=s.nextNode();h!==null;h=s.nextNode()){let u=h.textContent?.length??0;if(!d&&n<c+u&&(i.setStart(h,n-c),d=!0),d&&t<=c+u)return i.setEnd(h,t-c),i;c+=u}return null}#k(e){let n=this.#t[e];if(n===void 0)return;let[t,r]=[this.element,n.offsetTop-this.element.offsetTop];if(r>=t.scrollTop&&r+n.offsetHeight<=t.scrollTop+t.clientHeight)return;let i=matchMedia("(prefers-reduced-motion: reduce)").matches;t.scrollTo({top:r-t.clientHeight/3,behavior:i?"auto":"smooth"})}#M(e){this.#s=e||this.element.scrollHeight<=this.element.clientHeight,this.follow.hidden=this.#s}#E=e=>{let n=e.target,t=n.closest(".segment");t===null||this.#a!==null||n.closest("textarea")||(document.getSelection()?.removeAllRanges(),this.edit(this.#t.indexOf(t),n.closest(".word")?.textContent??""))};#S=e=>{let n=e.target;if(n.closest("textarea")||U()!=="")return;let t=n.closest("[data-round]"),r=n.closest(".segment");if(r===null)return;if(this.#M(!0),t!==null){this.#v.onround(Number(t.dataset.round));return}let i=this.#e.segments[this.#t.indexOf(r)];if(i===void 0)return;let s=n.closest(".word"),l=s===null?-1:Array.from(r.querySelectorAll(".word")).indexOf(s);this.#v.onseek(i.words[l]?.[1]??i.start)}};function _([o,,,e]){let n=o.trimStart(),t=a("span",{class:"word",title:`${Math.round(e*100)} % sure`},n);return t.style.setProperty("--doubt",String(Math.round((1-e)*100))),[o.slice(0,o.length-n.length),t]}function U(){return document.getSelection()?.toString()??""}function z(o){if(typeof Highlight>"u")return null;let e=CSS.highlights.get(o);return e===void 0&&(e=new Highlight,CSS.highlights.set(o,e)),e}function N(o,e){let n=()=>{let r=getComputedStyle(o).getPropertyValue("--surface");o.classList.toggle("dark",Y(r,o)),e()},t=new MutationObserver(n);for(let r of[document.documentElement,document.body])t.observe(r,{attributeFilter:["data-jp-theme-light","data-jp-theme-name","class","style"]});return n(),()=>t.disconnect()}function Y(o,e){let n=document.createElement("span");n.style.color=o,e.append(n);let[t=255,r=255,i=255]=getComputedStyle(n).color.match(/[\d.]+/g)?.map(Number)??[];return n.remove(),.2126*t+.7152*r+.0722*i<110}var Q=250,j={title:"microphone",details:[],warning:null,duration:0,language:null,segments:[],gaps:[],sound:null,levels:[],formats:[],changes:0,rounds:0,foot:[],writing:!0},m=()=>{};function X(o){if(!window.isSecureContext)return"No microphone: browsers give it to pages by https or on localhost only. Open this server by https, or through an SSH tunnel to localhost.";switch(o instanceof DOMException?o.name:""){case"NotAllowedError":return"No microphone: the browser does not let this page use it. Allow it in the site\u2019s settings, and press Record again.";case"NotFoundError":return"No microphone is there: connect one, and press Record again.";case"NotReadableError":return"No microphone: another program holds it. Close that, and press Record again.";default:return`No microphone: ${o instanceof Error?o.message:"this browser cannot record"}.`}}var E=class{host=a("div");#e;#r=a("div",{class:"player recorder",role:"group","aria-label":"Recorder"});#n=L("Record","Record from the microphone");#d=a("span",{class:"clock number",role:"timer"},"0:00");#c=new x;#t=a("div",{class:"say",role:"status"});#o=new k(j,{onseek:m,onround:m,onedit:m});#i=m;#l=[];#s=null;#a=!1;#m=Promise.resolve();#g=0;#p=0;constructor(e){this.#e=e,this.#n.classList.add("record"),this.#n.addEventListener("click",()=>{this.#v()});let n=a("div",{class:"strip"},this.#n,this.#d,this.#c.element);this.#o.element.hidden=!0,this.#r.append(n,this.#t,this.#o.element),this.host.attachShadow({mode:"open"}).append(a("style",{},H),this.#r),e.onnotice(t=>this.#x(t)),e.onlost=()=>{this.#h(),this.#u("The kernel is gone, and the recording with it."),this.#n.disabled=!0},e.onslow=t=>this.#u(t?"The kernel does not answer: it is busy, or gone. The recording goes on.":"")}mount(e){this.host.isConnected||(e.append(this.host),e.classList.add("wm-live"),this.#i(),this.#i=N(this.#r,m))}close(){this.#h(),this.#i(),this.#o.close(),this.host.remove()}async#v(){if(this.#s!==null){this.#s.stop();return}this.#n.disabled=!0;let e=null;try{if(navigator.mediaDevices===void 0)throw new Error("this browser cannot record");if(e=await navigator.mediaDevices.getUserMedia({audio:!0}),this.#a)throw new Error("the recording has ended");this.#f(e),this.#n.disabled=!1}catch(n){for(let t of e?.getTracks()??[])t.stop();if(this.#a)return;this.#n.disabled=!1,this.#u(X(n))}}#f(e){let n=new MediaRecorder(e);n.addEventListener("dataavailable",({data:t})=>{t.size>0&&this.#w(t)}),n.addEventListener("stop",()=>{this.#b()}),n.start(Q),this.#s=n,this.#c.start(e),this.#g=performance.now(),this.#p=window.setInterval(()=>{this.#d.textContent=p((performance.now()-this.#g)/1e3)},250),this.#n.textContent="Stop",this.#n.title="Stop recording",this.#n.setAttribute("aria-label","Stop recording"),this.#n.classList.add("on"),this.#u("")}#w(e){this.#m=this.#m.then(async()=>this.#e.ask("chunk",{},[await e.arrayBuffer()])).catch(n=>{this.#a||(this.#h(),this.#u(`Not recorded any further: ${n.message}.`))})}async#b(){this.#a||this.#u("Reading it to its end\u2026"),this.#h(),this.#n.hidden=!0,await this.#m,await this.#e.ask("end",{}).catch(m)}#h(){if(!this.#a&&(this.#a=!0,this.#n.classList.remove("on"),this.#n.disabled=!0,this.#s!==null)){window.clearInterval(this.#p),this.#c.stop(),this.#s.state!=="inactive"&&this.#s.stop();for(let e of this.#s.stream.getTracks())e.stop()}}#x(e){e.notice==="live"?this.#y(e):e.notice==="failed"&&(this.#h(),this.#u(`${e.error}.`))}#y({state:e,tail:n,first:t,segments:r}){this.#l=[...this.#l.slice(0,t),...r],(e===""||this.#s===null||this.#a)&&this.#u(e),!(this.#l.length===0&&n==="")&&(this.#o.element.hidden=!1,this.#o.grow({...j,segments:this.#l},n))}#u(e){this.#t.textContent=e}},ve={initialize({model:o}){let e=new E(new v(o)),n=T(String(o.get("anchor")),t=>e.mount(t),m);return()=>{n(),e.close()}}};export{ve as default,X as refusal};
