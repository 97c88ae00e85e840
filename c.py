# c.py HOST PORT N [SRC] : opens N, echo each
import socket,sys,time
h,p,n=sys.argv[1],int(sys.argv[2]),int(sys.argv[3])
src=sys.argv[4] if len(sys.argv)>4 else None
L=[];r=''
for i in range(n):
  s=socket.create_connection if 0 else socket.socket(socket.AF_INET6 if ':' in h else socket.AF_INET)
  s.settimeout(.6)
  try:
    if src: s.bind((src,0))
    s.connect((h,p)); r+='c'
    s.send(b'x'); 
    r+='e' if s.recv(5)==b'x' else '?'
    L.append(s)
  except Exception as e: r+='-'
print(r,flush=True)
time.sleep(float(sys.argv[5]) if len(sys.argv)>5 else 0)
